"""The schema of a project: attributes, their values and codes.

A schema has three forms: `attributes.toml` (written by a person), the database (the active schema) and the snapshot's
manifest (read by a trainer). All three are converted to and from these classes.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass, field
from typing import Any, Literal

from annotator.domain.drawn_examples import DRAWINGS, PREFIX, drawing_of
from annotator.errors import FacelabelError

CANNOT_TELL = -1
"""The code of the answer "can't tell" in files. In the API and the database it is null."""

CANNOT_TELL_NAME = "can't tell"
GUIDELINE_LENGTH = 10_000
Kind = Literal["categorical", "open"]
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_RESERVED_NAMES = {"image_name", "sha256", "split", "group"}


@dataclass(frozen=True)
class Value:
    """One value of an attribute.

    Args:
        code: never changes its meaning and is never used again.
        name: its name.
        status: a retired value is no longer offered; labels may still have it.
        ends: whether the image needs no further answer after this value.
        replaced_by: the code that a retired value was merged into, or the codes that it was split into.
    """

    code: int
    name: str
    status: Literal["active", "retired"] = "active"
    ends: bool = False
    replaced_by: tuple[int, ...] = ()


@dataclass(frozen=True)
class Example:
    """An image that shows what a value means: the name of an image of the project, or of a drawing (drawn_examples.py)."""

    image: str
    code: int


@dataclass(frozen=True)
class Attribute:
    """One question about every image; the comment at the head of attributes.toml explains the settings.

    `was` stands only in the file: the former name of a renamed attribute.
    """

    name: str
    title: str
    key: str
    kind: Kind = "categorical"
    required: bool = True
    groups: bool = False
    spellings: tuple[str, ...] = ()
    values: tuple[Value, ...] = field(default=())
    guideline: str = ""
    examples: tuple[Example, ...] = ()
    was: str | None = field(default=None, compare=False)

    def current(self, code: int) -> int | None:
        """The current code of a value: its own, the one that it was merged into, or None if it was split."""
        replaced = {value.code: value.replaced_by for value in self.values if value.replaced_by}
        while code in replaced:
            if len(replaced[code]) > 1:
                return None
            code = replaced[code][0]
        return code


@dataclass(frozen=True)
class Schema:
    """The attributes, in the order of the page and of the columns."""

    attributes: tuple[Attribute, ...]

    def __getitem__(self, name: str) -> Attribute:
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute
        raise KeyError(name)

    def find_column(self, header: str) -> Attribute | None:
        """Find the attribute of a column header, by name or by another spelling."""
        header = header.strip().lower()
        for attribute in self.attributes:
            if header == attribute.name or header in attribute.spellings:
                return attribute
        return None

    def hash(self) -> str:
        """The schema hash of FORMATS.md: over names, kinds, codes and value names.

        It leaves out people of open attributes, and what only helps labellers.
        """
        plain = [
            {
                "codes": [[value.code, value.name] for value in attribute.values]
                if attribute.kind == "categorical"
                else [],
                "kind": attribute.kind,
                "name": attribute.name,
            }
            | _replaced(attribute)
            for attribute in self.attributes
        ]
        return hashlib.sha256(canonical_json(plain).encode()).hexdigest()


def _replaced(attribute: Attribute) -> dict[str, Any]:
    """The part of the schema hash about merged and split values; empty if there are no such values."""
    replaced = [[value.code, list(value.replaced_by)] for value in attribute.values if value.replaced_by]
    return {"replaced": replaced} if replaced else {}


def canonical_json(value: Any) -> str:
    """Write JSON in the canonical form of FORMATS.md."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def parse_schema(text: str) -> Schema:
    """Read attributes.toml.

    Raises:
        FacelabelError: names the first mistake and how to fix it.
    """
    try:
        return _parse_document(text)
    except _WrongSchemaError as error:
        raise FacelabelError(
            "bad_schema",
            f"attributes.toml cannot be used: {error}.",
            do="Fix the file and run the command again.",
        ) from error


def schema_of(entries: list[dict[str, Any]]) -> Schema:
    """Make a schema from entries, each with the settings of an [[attribute]].

    Raises:
        FacelabelError: names the first mistake.
    """
    try:
        return _parse_entries(entries)
    except _WrongSchemaError as error:
        raise FacelabelError(
            "bad_schema", f"The schema cannot be used: {error}.", do="Correct it and try again."
        ) from error


class _WrongSchemaError(Exception):
    """What is wrong with a schema, as the end of a sentence."""


def _parse_document(text: str) -> Schema:
    try:
        document = tomllib.loads(text.lstrip("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise _WrongSchemaError(f"it is not valid TOML: {error}") from error
    if document.get("version") != 1:
        raise _WrongSchemaError("it must say `version = 1`")
    return _parse_entries(document.get("attribute"))


def _parse_entries(entries: Any) -> Schema:
    if not isinstance(entries, list) or not entries:
        raise _WrongSchemaError("it has no [[attribute]]")
    schema = Schema(tuple(_parse_attribute(entry) for entry in entries))
    _check_unique(
        [a.name for a in schema.attributes] + [s for a in schema.attributes for s in a.spellings], "name"
    )
    _check_unique([a.key for a in schema.attributes], "key")
    return schema


def _parse_attribute(entry: Any) -> Attribute:
    settings = {
        "name", "title", "key", "kind", "required", "groups", "spellings", "values", "guideline", "examples", "was",
    }  # fmt: skip
    if not isinstance(entry, dict):
        raise _WrongSchemaError(f"an attribute is a table that begins with [[attribute]], not {entry!r}")
    name = str(entry.get("name", ""))
    if not _NAME.fullmatch(name) or name in _RESERVED_NAMES:
        raise _WrongSchemaError(
            f"the attribute name {name!r} must consist of lower-case letters, digits and _, and must not be a reserved column"
        )
    if unknown := sorted(set(entry) - settings):
        raise _WrongSchemaError(
            f"{name} has an unknown setting {unknown[0]!r}; the settings are {', '.join(sorted(settings))}"
        )
    for setting in ("spellings", "values", "examples"):
        if not isinstance(entry.get(setting, []), list):
            raise _WrongSchemaError(f"the {setting} of {name} must be a list")
    kind = entry.get("kind", "categorical")
    key = str(entry.get("key", ""))
    if not re.fullmatch("[a-z]", key):
        raise _WrongSchemaError(f"the key of {name} must be one letter from a to z")
    if kind not in {"categorical", "open"}:
        raise _WrongSchemaError(f'the kind of {name} must be "categorical" or "open"')
    values = tuple(sorted((_parse_value(name, v) for v in entry.get("values", ())), key=lambda v: v.code))
    if kind == "categorical" and sum(value.status == "active" for value in values) < 2:
        raise _WrongSchemaError(f"{name} needs at least two values that are not retired")
    if kind == "open" and values:
        raise _WrongSchemaError(
            f"{name} is open: its values are added while labelling, so the file must not list values"
        )
    _check_unique([str(v.code) for v in values], f"code of {name}")
    _check_unique([v.name.casefold() for v in values], f"value of {name}")
    _check_replacements(name, values)
    was, spellings = _parse_was(name, entry)
    return Attribute(
        name=name,
        title=str(entry.get("title") or name),
        key=key,
        kind=kind,
        required=bool(entry.get("required", True)),
        groups=bool(entry.get("groups", False)),
        spellings=spellings,
        values=values,
        guideline=_parse_guideline(name, entry.get("guideline", "")),
        examples=_parse_examples(name, values, entry.get("examples", ())),
        was=was,
    )


def _parse_was(attribute: str, entry: dict[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    """Read the former name of an attribute. Imports accept it as another spelling."""
    was = entry.get("was")
    spellings = tuple(str(s).lower() for s in entry.get("spellings", ()))
    if was is None:
        return None, spellings
    if not isinstance(was, str) or not _NAME.fullmatch(was) or was == attribute:
        raise _WrongSchemaError(f"`was` of {attribute} must be its former name")
    return was, spellings if was in spellings else (*spellings, was)


def _check_replacements(attribute: str, values: tuple[Value, ...]) -> None:
    replaced = {value.code: value.replaced_by for value in values}
    for code, by in replaced.items():
        reached, new = set[int](), list(by)
        while new:
            following = new.pop()
            if following not in replaced:
                raise _WrongSchemaError(
                    f"{code} of {attribute} is replaced by {following}, which does not exist"
                )
            if following == code:
                raise _WrongSchemaError(f"{code} of {attribute} replaces itself")
            if following not in reached:
                reached.add(following)
                new += replaced[following]


def _parse_guideline(attribute: str, text: Any) -> str:
    if not isinstance(text, str) or len(text) > GUIDELINE_LENGTH:
        raise _WrongSchemaError(
            f"the guideline of {attribute} must be a text of at most {GUIDELINE_LENGTH} characters"
        )
    return text.strip()


def _parse_examples(attribute: str, values: tuple[Value, ...], entries: list[Any]) -> tuple[Example, ...]:
    """Read the examples. The drawing of a value whose line was removed may stay: nothing shows it."""
    codes = {value.code for value in values}
    examples = [_parse_example(attribute, entry) for entry in entries]
    for example in examples:
        if example.code not in codes and drawing_of(example.image) is None:
            raise _WrongSchemaError(
                f"the example {example.image!r} of {attribute} has the code {example.code!r}, which does not exist"
            )
    return tuple(examples)


def _parse_example(attribute: str, entry: Any) -> Example:
    if not isinstance(entry, dict) or set(entry) != {"image", "code"} or not isinstance(entry["image"], str):
        raise _WrongSchemaError(
            f'each example of {attribute} must look like {{ image = "0001.jpg", code = 1 }}'
        )
    if isinstance(entry["code"], bool) or not isinstance(entry["code"], int):
        raise _WrongSchemaError(
            f"the example {entry['image']!r} of {attribute} has the code {entry['code']!r}, which does not exist"
        )
    if entry["image"].startswith(PREFIX) and drawing_of(entry["image"]) is None:
        raise _WrongSchemaError(
            f"the example {entry['image']!r} of {attribute} is no drawing of the program; the drawings are {', '.join(DRAWINGS)}"
        )
    return Example(entry["image"], entry["code"])


def _parse_value(attribute: str, entry: Any) -> Value:
    settings = {"code", "name", "status", "ends", "replaced_by"}
    if not isinstance(entry, dict) or not {"code", "name"} <= set(entry) <= settings:
        raise _WrongSchemaError(f'each value of {attribute} must look like {{ code = 0, name = "no" }}')
    code, name = entry["code"], str(entry["name"]).strip()
    if not isinstance(code, int) or isinstance(code, bool) or not 0 <= code <= 9999:
        raise _WrongSchemaError(f"the code {code!r} of {attribute} must be a whole number from 0 to 9999")
    if not name or name == CANNOT_TELL_NAME:
        raise _WrongSchemaError(f"code {code} of {attribute} needs a name other than {CANNOT_TELL_NAME!r}")
    replaced_by = entry.get("replaced_by", [])
    if not isinstance(replaced_by, list) or not all(type(other) is int for other in replaced_by):
        raise _WrongSchemaError(f"`replaced_by` of {attribute} {name!r} must be a list of codes")
    status = entry.get("status", "retired" if replaced_by else "active")
    if replaced_by and status != "retired":
        raise _WrongSchemaError(f"{attribute} {name!r} is replaced, so it cannot be active")
    if status not in {"active", "retired"}:
        raise _WrongSchemaError(f'the status of {attribute} {name!r} must be "active" or "retired"')
    return Value(code, name, status, bool(entry.get("ends", False)), tuple(sorted(set(replaced_by))))


def _check_unique(items: list[str], what: str) -> None:
    for position, item in enumerate(items):
        if item in items[:position]:
            raise _WrongSchemaError(f"the {what} {item!r} is given twice")
