"""Which attribute and value of the schema a name in a file means: an exact match, or a proposal for a person to check."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import islice

from annotator.domain.schema import CANNOT_TELL, CANNOT_TELL_NAME, Attribute, Schema
from annotator.domain.synonyms import SYNONYMS

_NO = frozenset({"no", "not", "without", "none", "non"})
_COMPARED = 50
_YES_WORDS = {"yes", "y", "true", "present"}
_NO_WORDS = {"no", "n", "none", "false", "absent"}
_YES_VALUES = {"yes", "true"}
_NO_VALUES = {"no", "none", "false"}
_INVISIBLE = " \t\r\n\u200b\u2060\ufeff"
_JOINTS = re.compile(r"[\s_\-\u2010-\u2015\u2212]+")
_NUMBER = re.compile(r"([+-]?(?:0|[1-9][0-9]{0,8}))(?:[.,]0*)?")
_BETWEEN = re.compile(r"\s*[:=/]\s*|[\s_]+|-|")


def fold(text: str) -> str:
    """Normalise a text: compatible Unicode (NFKC), without case, without blanks at its ends, single spaces inside.

    Blanks at the ends may be invisible: zero-width spaces come with what is copied from web pages.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.strip(_INVISIBLE).split())


def trim(text: str) -> str:
    """Remove blanks from the ends of a text, also invisible ones."""
    while text != (text := text.strip().strip(_INVISIBLE)):
        pass
    return text


def plain(name: str) -> str:
    """Normalise the name of an attribute: without case, spaces and punctuation, in which spellings differ."""
    folded = fold(name)
    return "".join(character for character in folded if character.isalnum()) or folded


def find_attribute(schema: Schema, name: str) -> Attribute | None:
    """Find the attribute with this name, title or spelling."""
    wanted = plain(name)
    for attribute in schema.attributes:
        if wanted in {plain(name) for name in (attribute.name, attribute.title, *attribute.spellings)}:
            return attribute
    return None


def find_name(attribute: Attribute, text: str) -> int | None:
    """Find the code of the value with this name; -1 is "can't tell".

    The name is compared as it is, then as composed Unicode (NFC), then without case and compatibility forms (NFKC), then
    without spaces, underscores and hyphens. The first comparison with a match decides, and only if one value matches. A
    number is never found inside a longer text, and a text is never read as a code. A merged value means the one that it
    was merged into; a split value means nothing.
    """
    for spelling in _SPELLINGS:
        wanted = spelling(text)
        codes = [value.code for value in attribute.values if spelling(value.name) == wanted]
        if codes:
            return attribute.current(codes[0]) if len(codes) == 1 else None
    return CANNOT_TELL if is_cannot_tell(text) else None


def find_code(attribute: Attribute, number: int) -> int | None:
    """Find the current code of the value with the code `number`; -1 is "can't tell"."""
    if number == CANNOT_TELL:
        return CANNOT_TELL
    return attribute.current(number) if any(value.code == number for value in attribute.values) else None


def name_of(attribute: Attribute, code: int) -> str:
    """Return the name of the value with this code; -1 is "can't tell"."""
    return next((value.name for value in attribute.values if value.code == code), CANNOT_TELL_NAME)


def is_cannot_tell(text: str) -> bool:
    """Return whether a text says "can't tell"."""
    return fold(text).replace("\u2019", "'") == CANNOT_TELL_NAME


def whole_number(text: str) -> int | None:
    """Return the whole number that a text writes, as 1, +1, 1.0 or 1,00; None for any other text."""
    match = _NUMBER.fullmatch(fold(text).replace("\u2212", "-"))
    return int(match[1]) if match else None


def no_and_yes(attribute: Attribute) -> tuple[int, int] | None:
    """Return the codes for no and yes of an attribute with two values, one of which denies the other; else None."""
    active = [value for value in attribute.values if value.status == "active"]
    denying = [value.code for value in active if fold(value.name) in _NO_WORDS]
    if len(active) != 2 or len(denying) != 1:
        return None
    return denying[0], next(value.code for value in active if value.code != denying[0])


def yes_or_no(text: str) -> bool | None:
    """Return whether a text such as True or yes says yes, False if it says no, else None."""
    word = fold(text)
    return True if word in _YES_WORDS else False if word in _NO_WORDS else None


def find_yes_or_no(attribute: Attribute, text: str) -> int | None:
    """Find the code that True, False, yes or no means in an attribute whose two values are yes and no in other words."""
    pair, says_yes = no_and_yes(attribute), yes_or_no(text)
    if pair is None or says_yes is None or yes_or_no(name_of(attribute, pair[1])) is not True:
        return None
    return pair[says_yes] if yes_or_no(name_of(attribute, pair[0])) is False else None


def find_flat(schema: Schema, label: str) -> tuple[Attribute, int] | None:
    """Find the attribute and code that a flat label such as "hair_color: brown" names in full; None unless there is exactly one."""
    cells = {
        (attribute.name, code)
        for attribute in schema.attributes
        for rest in _after_name(attribute, label)
        if (code := find_name(attribute, rest)) is not None
    }
    if len(cells) != 1:
        return None
    [(name, code)] = cells
    return schema[name], code


def _after_name(attribute: Attribute, label: str) -> set[str]:
    """What may be the value's name in a flat label that begins with a name of the attribute."""
    names = {plain(name) for name in (attribute.name, attribute.title, *attribute.spellings)}
    ends = [end for end in range(1, len(label)) if plain(label[:end]) in names]
    return {label[end:][match.end() :] for end in ends if (match := _BETWEEN.match(label[end:]))} - {""}


def propose_flat(schema: Schema, label: str) -> tuple[str, str] | None:
    """Propose the attribute and the value's name for a flat label such as "brown hair", or None.

    Only words are compared: every word of the label must occur in the attribute or the value, and exactly one value must fit
    best.
    """
    words = _words(label)
    denied = bool(words & _NO)
    words -= _NO
    fits: list[tuple[float, str, str]] = []
    for attribute in schema.attributes:
        asked = _words(f"{attribute.name} {attribute.title} {' '.join(attribute.spellings)}")
        for value in attribute.values:
            fit = _fit(words, denied, asked, value.name)
            if fit > 0:
                fits.append((fit, attribute.name, value.name))
    fits.sort(reverse=True)
    if not fits or (len(fits) > 1 and fits[0][0] == fits[1][0]):
        return None
    return fits[0][1], fits[0][2]


def propose_attribute(schema: Schema, name: str, texts: Iterable[str]) -> Attribute | None:
    """Propose the attribute that a column or folder in a file answers, or None.

    An attribute counts whose name, title or spelling has the same words ("eyewear" is "glasses"), or else the only one with a
    value for every text of the column. Numbers alone propose nothing, because they fit almost every attribute. Of many texts
    the first 50 are compared.
    """
    named = [
        attribute
        for attribute in schema.attributes
        if any(_words(name) == _words(own) for own in (attribute.name, attribute.title, *attribute.spellings))
    ]
    if len(named) == 1:
        return named[0]
    texts = list(islice((text for text in texts if text.strip()), _COMPARED))
    if all(whole_number(text) is not None or yes_or_no(text) is not None for text in texts):
        return None
    fitting = [
        attribute
        for attribute in schema.attributes
        if attribute.kind == "categorical"
        and all(propose_value(attribute, text) or is_cannot_tell(text) for text in texts)
    ]
    return fitting[0] if len(fitting) == 1 else None


def propose_values(attribute: Attribute, texts: Iterable[str]) -> dict[str, str]:
    """Propose the name of a value, or "", for each of the texts that stand for values in a file."""
    texts = list(texts)
    numbers = {text: whole_number(text) for text in texts}
    codes = {
        text: None if number is None else find_code(attribute, number) for text, number in numbers.items()
    }
    if None not in codes.values():  # only codes: the names of their values
        return {text: name_of(attribute, code) for text, code in codes.items() if code is not None}
    return {text: "" if numbers[text] is not None else propose_value(attribute, text) or "" for text in texts}


@lru_cache(maxsize=10_000)  # the import page asks anew after every choice
def propose_value(attribute: Attribute, name: str) -> str | None:
    """Propose the value of an attribute for a value in a file such as "brown hair", or None.

    The words are compared. A value with "no" is proposed only for a name with "no", and numbers must be the same ones:
    "(4, 6)" is "4-6", and never "6-8".
    """
    pair, says_yes = no_and_yes(attribute), yes_or_no(name)
    if says_yes:
        return None if pair is None else name_of(attribute, pair[1])
    words = frozenset({"no"}) if says_yes is False else _words(name)
    asked = _words(f"{attribute.name} {attribute.title} {' '.join(attribute.spellings)}")
    denied = bool(words & _NO)
    named = [(_words(value.name), value.name) for value in attribute.values]
    likely = [(its, name) for its, name in named if denied or not words.isdisjoint(its)]
    fits = sorted(((_likeness(words, its, asked), name) for its, name in likely), reverse=True)
    if not fits or fits[0][0] == 0 or (len(fits) > 1 and fits[0][0] == fits[1][0]):
        return None
    return fits[0][1]


def _likeness(words: frozenset[str], named: frozenset[str], asked: frozenset[str]) -> float:
    """Score from 0 to 1 how many words a name in a file and the name of a value share."""
    denied = bool(words & _NO)
    if denied != bool(named & _NO) or _numbers(words) != _numbers(named):
        return 0
    words, named = words - _NO, named - _NO
    if denied and named <= asked and not asked & _NO:  # the value denies the attribute as a whole
        return float(words <= asked)
    return len(words & named) / len(words | named) if words | named else 0


def _fit(words: frozenset[str], denied: bool, asked: frozenset[str], value: str) -> float:
    """Score how well a flat label's words fit a value: 0 means not at all, 2 means in every word."""
    folded = value.casefold().strip()
    if folded in _YES_VALUES or folded in _NO_VALUES:
        if denied != (folded in _NO_VALUES) or not words <= asked:
            return 0
        return 1 + len(words & asked) / len(asked) if words else 0
    named = _words(value)
    if bool(named & _NO) != denied:
        return 0
    named -= _NO
    if not words & named or not words <= named | asked:
        return 0
    return len(words & named) / len(named) + len(words & (named | asked)) / len(named | asked)


@lru_cache(maxsize=20_000)
def _words(name: str) -> frozenset[str]:
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    words = {SYNONYMS.get(word, word) for word in re.split(r"[\W_]+", fold(spaced))}
    return frozenset(word.lstrip("0") or "0" for word in words if word)


@lru_cache(maxsize=20_000)
def _numbers(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word for word in words if word.isdecimal())


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _joined(text: str) -> str:
    """A text without case, spaces, underscores and hyphens, except between two digits and before a negative number."""

    def join(match: re.Match[str]) -> str:
        before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
        keeps = after.isdecimal() and (before.isdecimal() or not before)
        return "-" if keeps else ""

    return _JOINTS.sub(join, fold(text)) or fold(text)


_SPELLINGS: tuple[Callable[[str], str], ...] = (str.strip, _composed, fold, _joined)
