"""Telling which attribute and value of ours a foreign name means: by identity, or as a proposal for a person to check."""

from __future__ import annotations

import re

from annotator.domain.schema import Attribute, Schema

_ALIKE = {
    "grey": "gray", "colour": "color", "blonde": "blond", "eyeglasses": "glasses", "spectacles": "glasses",
    "wearing": "", "has": "", "with": "", "a": "", "an": "", "the": "", "or": "", "and": "", "is": "",
}  # fmt: skip
_NO = {"no", "not", "without", "none", "non"}
_YES_VALUES = {"yes", "true"}
_NO_VALUES = {"no", "none", "false"}


def plain(name: str) -> str:
    """A name without what spellings differ in: case, spaces, underscores, hyphens, punctuation."""
    kept = "".join(character for character in name.casefold() if character.isalnum())
    return kept or name.strip().casefold()


def find_attribute(schema: Schema, name: str) -> Attribute | None:
    """The attribute with this name, title or spelling, or None."""
    wanted = plain(name)
    for attribute in schema.attributes:
        if wanted in {plain(known) for known in (attribute.name, attribute.title, *attribute.spellings)}:
            return attribute
    return None


def find_code(attribute: Attribute, name: str) -> int | None:
    """The code of the value with this name or code (-1 is can't tell), or None."""
    code = attribute.code_of(name)
    if code is not None:
        return code
    return next((value.code for value in attribute.values if plain(value.name) == plain(name)), None)


def find_flat(schema: Schema, label: str) -> tuple[Attribute, int] | None:
    """The cell that a flat label names in full, as in "hair_color: brown"; None if it does not, or not only one."""
    found = [
        (attribute, value.code)
        for attribute in schema.attributes
        for value in attribute.values
        if plain(label)
        in {
            plain(f"{known}{value.name}") for known in (attribute.name, attribute.title, *attribute.spellings)
        }
    ]
    return found[0] if len(found) == 1 else None


def propose_flat(schema: Schema, label: str) -> tuple[str, str] | None:
    """The attribute and the value's name that a flat label such as "brown hair" seems to mean, or None.

    Words are compared, not meanings: every word of the label must occur in the attribute or the value, and the best
    fit must be the only one.
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


def propose_value(attribute: Attribute, name: str) -> str | None:
    """The value of an attribute that a foreign value such as "brown hair" seems to mean, or None."""
    words = _words(name)
    fits = sorted(
        ((len(words & said) / len(words | said), value.name) for value in attribute.values
         if (said := _words(value.name))),
        reverse=True,
    )  # fmt: skip
    if not fits or fits[0][0] == 0 or (len(fits) > 1 and fits[0][0] == fits[1][0]):
        return None
    return fits[0][1]


def _fit(words: set[str], denied: bool, asked: set[str], value: str) -> float:
    """How well a flat label's words fit a value: 0 is not at all, 2 is in every word."""
    folded = value.casefold().strip()
    if folded in _YES_VALUES or folded in _NO_VALUES:
        if denied != (folded in _NO_VALUES) or not words <= asked:
            return 0
        return 1 + len(words & asked) / len(asked) if words else 0
    said = _words(value)
    if bool(said & _NO) != denied:
        return 0
    said -= _NO
    if not words & said or not words <= said | asked:
        return 0
    return len(words & said) / len(said) + len(words & (said | asked)) / len(said | asked)


def _words(name: str) -> set[str]:
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    found = {_ALIKE.get(word, word) for word in re.split(r"[\W_]+", spaced.casefold())}
    return found - {""}
