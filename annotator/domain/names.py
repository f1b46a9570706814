"""Which attribute and value of the schema a name in a file means: an exact match, or a proposal for a person to check."""

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
    """Normalise a name: without case, spaces and punctuation, in which spellings differ."""
    kept = "".join(character for character in name.casefold() if character.isalnum())
    return kept or name.strip().casefold()


def find_attribute(schema: Schema, name: str) -> Attribute | None:
    """Find the attribute with this name, title or spelling."""
    wanted = plain(name)
    for attribute in schema.attributes:
        if wanted in {plain(name) for name in (attribute.name, attribute.title, *attribute.spellings)}:
            return attribute
    return None


def find_code(attribute: Attribute, name: str) -> int | None:
    """Find the code of the value with this name or code; -1 is "can't tell"."""
    code = attribute.code_of(name)
    if code is not None:
        return code
    return next((value.code for value in attribute.values if plain(value.name) == plain(name)), None)


def find_flat(schema: Schema, label: str) -> tuple[Attribute, int] | None:
    """Find the attribute and code that a flat label such as "hair_color: brown" names in full; None unless there is exactly one."""
    cells = [
        (attribute, value.code)
        for attribute in schema.attributes
        for value in attribute.values
        if plain(label)
        in {plain(f"{name}{value.name}") for name in (attribute.name, attribute.title, *attribute.spellings)}
    ]
    return cells[0] if len(cells) == 1 else None


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


def propose_value(attribute: Attribute, name: str) -> str | None:
    """Propose the value of an attribute for a value in a file such as "brown hair", or None."""
    words = _words(name)
    fits = sorted(
        ((len(words & named) / len(words | named), value.name) for value in attribute.values
         if (named := _words(value.name))),
        reverse=True,
    )  # fmt: skip
    if not fits or fits[0][0] == 0 or (len(fits) > 1 and fits[0][0] == fits[1][0]):
        return None
    return fits[0][1]


def _fit(words: set[str], denied: bool, asked: set[str], value: str) -> float:
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


def _words(name: str) -> set[str]:
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    words = {_ALIKE.get(word, word) for word in re.split(r"[\W_]+", spaced.casefold())}
    return words - {""}
