"""Guessing the code page of file names that do not say theirs, such as those in zips of Windows.

charset-normalizer, made for texts, mistakes code page 850 for 1250 in two short names, so the guess is our own: the
candidate wins whose names look most like words. A word of an alphabet is covered by one language's letters; a Chinese,
Japanese or Korean character is in the part of its standard that holds the common ones.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

CODE_PAGES = (
    "cp1255", "cp1256", "cp720", "cp874", "cp932", "cp949", "cp936", "cp950", "cp850", "cp437", "cp1252", "cp852",
    "cp1250", "cp866", "cp1251", "cp737", "cp1253", "cp857", "cp1254", "cp862", "koi8_r",
)  # fmt: skip
"""The code pages that are guessed; of equally good ones the first wins."""

_SAMPLE = 500  # names that are compared; all names must be valid in the code page
_ALPHABETS = tuple(
    frozenset(letters)
    for letters in (
        "àâæçéèêëîïôœùûüÿ", "äöüß", "áéíñóúü", "áâãàçéêíóôõúü", "àèéìíîòóùú", "åæøé", "åäöé", "áðéíóúýþæö",
        "áäčďéěíĺľňóôŕřšťúůýž", "ąćęłńóśźż", "áéíóöőúüű", "ăâîșțşţ", "çğıöşüâî", "čćđšž", "äöõüšž", "āčēģīķļņšūž",
        "ąčęėįšųūž", "абвгдежзийклмнопрстуфхцчшщъыьэюяё", "абвгдежзийклмнопрстуфхцчшщьюяєіїґў",
        "абвгдђежзијклљмнњопрстћуфхцчџш", "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",
    )
)  # fmt: skip
_FREQUENT = frozenset("оеаинтсрвлкмдпуαοιετσνηυρπκμλςάί")
_FINAL_FORMS = frozenset("ךםןףץ")  # Hebrew letters that only end a word
_TATWEEL = "\u0640"  # stretches a word of Arabic, and is in no name
_WHOLE_SCRIPTS = frozenset({"HEBREW", "ARABIC", "THAI"})
_COMMON = {  # first bytes of the common characters
    "cp932": (0x82, 0x97), "cp936": (0xB0, 0xD7), "cp949": (0xB0, 0xC8), "cp950": (0xA4, 0xC6),
}  # fmt: skip


def guess_code_page(names: Iterable[bytes]) -> str:
    """Return the code page in which the names look most like words; "utf-8" if all of them are valid UTF-8."""
    raw = list(dict.fromkeys(names))
    everything = b"\n".join(raw)
    if _decodes(everything, "utf-8"):
        return "utf-8"
    sample = b"\n".join(raw[:_SAMPLE])
    candidates = [page for page in CODE_PAGES if _decodes(everything, page)]
    return max(candidates, key=lambda page: _score(sample.decode(page), page))  # code page 437 has every byte


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _score(text: str, page: str) -> float:
    """How far the characters beyond ASCII look like words, from 0 to 1, weighed by their bytes beyond ASCII."""
    words = "".join(character if _is_of_word(character) else f" {character} " for character in text).split()
    total = weights = 0.0
    for word in words:
        for position, character in enumerate(word):
            if not character.isascii():
                weight = sum(byte >= 0x80 for byte in character.encode(page))
                weights += weight
                total += weight * _likelihood(word, position, page)
    return total / weights if weights else 1.0


def _is_of_word(character: str) -> bool:
    return character.isalpha() or unicodedata.category(character).startswith("M")


def _likelihood(word: str, position: int, page: str) -> float:
    """How likely this character of a word is, from 0 to 1."""
    character = word[position]
    if not _is_of_word(character):
        return 0.0  # box drawing, currency signs
    if not character.isalpha():  # a mark: Thai writes vowels as marks, other scripts hardly in names
        is_thai = unicodedata.name(character, "").startswith("THAI")
        return (1.0 if is_thai else 0.7) if position else 0.2
    if page in _COMMON:
        return _of_east_asia(character, page) * (0.3 if _has_ascii(word) else 1.0)
    if character.isupper() and position and word[position - 1].islower():
        return 0.2
    script = unicodedata.name(character, "").partition(" ")[0]
    if script in _WHOLE_SCRIPTS:
        misplaced = character == _TATWEEL or (character in _FINAL_FORMS and position < len(word) - 1)
        return 0.5 if misplaced else 0.3 if _has_ascii(word) else 1.0
    return _of_alphabet(word, character, script)


def _of_east_asia(character: str, page: str) -> float:
    raw = character.encode(page)
    if len(raw) == 1:
        return 0.4  # half-width katakana
    first, last = _COMMON[page]
    return 1.0 if first <= raw[0] <= last else 0.3


def _of_alphabet(word: str, character: str, script: str) -> float:
    """How likely a letter of an alphabet is: accents are rare, and letters of two alphabets are in no word."""
    if script == "LATIN" and not _has_ascii(word):
        return 0.8 if len(word) == 1 else 0.4  # only accented letters
    if script == "LATIN":
        return 1.0 if _is_covered(word) else 0.6
    if _has_ascii(word) or not _is_covered(word):
        return 0.3
    return 1.0 if character.lower() in _FREQUENT else 0.9


def _has_ascii(word: str) -> bool:
    return any(letter.isascii() for letter in word)


def _is_covered(word: str) -> bool:
    """Whether one language has all letters of the word that are beyond ASCII."""
    letters = {letter for letter in word.lower() if not letter.isascii() and letter.isalpha()}
    return any(letters <= alphabet for alphabet in _ALPHABETS)
