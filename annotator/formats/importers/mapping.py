"""A mapping file: it translates the columns, attributes and labels of a source into our schema.

image = "file"                      # in a table: the column with the image's name
encoding = "cp932"                  # in a table that is not Unicode: its code page
[columns.beard_type]                # a column or attribute of the file
attribute = "beard"                 # the attribute it answers
values = { full = "yes", "" = "" }  # its values → our value names, or codes that are not names; "" means not labelled
[columns.comment]
attribute = ""                      # ignored
[labels]                            # of a flat list of labels
"brown hair" = { attribute = "hair_color", value = "brown" }
"blurry" = {}                       # ignored
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from annotator.domain.names import find_code, find_name, fold, whole_number
from annotator.domain.schema import Attribute
from annotator.errors import FacelabelError
from annotator.files import write_atomically
from annotator.text_encoding import decode_text, encoding_title

_SHOWN = 20
_QUOTED = re.compile(
    r'"(?:\\.|[^"\\\n])*+"?|\'[^\'\n]*+\'?'
)  # also without its end: each character is looked at once
_DEEP_KEY = re.compile(r'(?:\.[ \t]*[\w"-]+[ \t]*){32}')
_PROPOSED = "Proposed from the names: check every line before it is used."


@dataclass(frozen=True)
class Reading:
    """One of the two ways in which the cells of a column can be read.

    Args:
        title: the way, as a clause.
        values: the mapping of the column's values that chooses it.
    """

    title: str
    values: dict[str, str]


@dataclass(frozen=True)
class Mapping:
    """Translates names of a source into ours.

    Args:
        image: the column of a table with the image's name; None: a usual name.
        columns: the attribute and the values of each column; the attribute "" ignores the column.
        labels: the attribute and the value of each flat label; the attribute "" ignores the label.
        encoding: the code page of a table; None: it is detected.
        readings: only in a proposal: the ways to read a column, one of which a person must choose, by attribute and column.
    """

    image: str | None = None
    columns: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    labels: dict[str, tuple[str, str]] = field(default_factory=dict)
    encoding: str | None = None
    readings: dict[str, tuple[str, tuple[Reading, ...]]] = field(default_factory=dict)

    def column(self, header: str) -> tuple[str, dict[str, str]] | None:
        """Return the attribute and the values of the column with this header; None if the mapping does not name it."""
        if header in self.columns:
            return self.columns[header]
        alike = self._by_folded_header.get(fold(header), [])
        return self.columns[alike[0]] if len(alike) == 1 else None

    @cached_property
    def _by_folded_header(self) -> dict[str, list[str]]:
        headers: dict[str, list[str]] = {}
        for header in self.columns:
            headers.setdefault(fold(header), []).append(header)
        return headers

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not (self.columns or self.labels or self.readings or self.image or self.encoding)

    @classmethod
    def read(cls, path: Path) -> Mapping:
        """Read a mapping file.

        Raises:
            FacelabelError: if it is not a mapping file.
        """
        try:
            return cls.parse(decode_text(path.read_bytes()), str(path))
        except OSError as error:
            raise _bad(str(path), str(error.strerror)) from error
        except UnicodeDecodeError as error:
            raise _bad(str(path), f"it is not {encoding_title(error.encoding)} ({error.reason})") from error

    @classmethod
    def parse(cls, text: str, name: str) -> Mapping:
        """Parse the text of a mapping file; errors call it `name`.

        Raises:
            FacelabelError: if it is not the text of a mapping file.
        """
        if _DEEP_KEY.search(_QUOTED.sub('""', text)):  # the parser takes the square of its length
            raise _bad(name, "a key has more than 32 parts")
        try:
            document = tomllib.loads(text.lstrip("\ufeff"))
            _check_keys(document, "the mapping", {"image", "encoding", "columns", "labels"})
            columns = {
                header: _column(header, entry)
                for header, entry in _table(document.get("columns", {}), "[columns]").items()
            }
            labels = {
                label: _label(label, entry)
                for label, entry in _table(document.get("labels", {}), "[labels]").items()
            }
            image, encoding = document.get("image"), document.get("encoding")
            image = _plain(image, "image") if image is not None else None
        except (ValueError, TypeError, RecursionError) as error:  # also an integer with too many digits
            raise _bad(name, error) from error
        if encoding is not None and not _is_encoding(encoding):
            raise _bad(name, f"{encoding!r} is not an encoding; examples are utf-8, cp1252, cp932")
        return cls(image, columns, labels, encoding)

    def write(self, path: Path, counts: AnyMapping[str, int]) -> None:
        """Write the file for a person to edit; `counts`: how often each column or label occurs."""
        write_atomically(path, self.text(counts).encode())

    def text(self, counts: AnyMapping[str, int] | None = None, title: str = _PROPOSED) -> str:
        """Return the text of the file for a person to edit.

        Args:
            counts: how often each column or label occurs; None leaves it out.
            title: the first line, which says where the mapping comes from.
        """
        lines = [f"# {title}", "# An empty attribute or value ignores the label."]
        if self.image is not None:
            lines.append(f"image = {_text(self.image)}")
        if self.encoding is not None:
            lines.append(f"encoding = {_text(self.encoding)}")
        for header, (attribute, values) in self.columns.items():
            lines += ["", *_head(header, attribute)]
            lines += _values(values)
        for header, (attribute, readings) in self.readings.items():
            lines += [
                "",
                "# Two ways to read this column: remove the # before the values of one of them.",
                *_head(header, attribute),
            ]
            for reading in readings:
                lines += [f"# {reading.title}:", *(f"# {line}" for line in _values(reading.values))]
        if self.labels:
            lines += ["", "[labels]"]
        for label, (attribute, value) in self.labels.items():
            entry = f"{{ attribute = {_text(attribute)}, value = {_text(value)} }}"
            told = "" if counts is None else f"  # {counts.get(label, 0)} images"
            lines.append(f"{_text(label)} = {entry}{told}")
        return "\n".join(lines) + "\n"


def find_header(headers: Iterable[str], name: str) -> str | None:
    """Return the header that `name` means: the same one, or the only one that differs in case, blanks or Unicode form."""
    headers, wanted = list(headers), fold(name)
    if name in headers:
        return name
    alike = [header for header in headers if fold(header) == wanted]
    return alike[0] if len(alike) == 1 else None


def find_mapped(values: AnyMapping[str, str], cell: str) -> str | None:
    """Return what a mapping's values make of a cell; None if they do not name it.

    The cell is compared as it is, then without blanks at its ends, case and Unicode forms, then as a number: 1.0 is 1.
    """
    if cell in values:
        return values[cell]
    folded, number = fold(cell), whole_number(cell)
    alike = [key for key in values if fold(key) == folded]
    if not alike and number is not None:
        alike = [key for key in values if whole_number(key) == number]
    return values[alike[0]] if len(alike) == 1 else None


def mapped_code(attribute: Attribute, target: str) -> int:
    """Return the code that a mapping's target means: a value's name, "can't tell", or else a code.

    Raises:
        FacelabelError: if the attribute has no such value.
    """
    code = find_name(attribute, target)
    number = whole_number(target)
    if code is None and number is not None and str(number) == target.strip():
        code = find_code(attribute, number)
    if code is None:
        raise FacelabelError(
            "unknown_attribute",
            f"The mapping names {target!r}, and {attribute.name} has no value {target!r} (it has {list_values(attribute)}).",
            do="Fix the mapping, or add the value to attributes.toml and call `facelabel schema apply`.",
        )
    return code


def list_values(attribute: Attribute) -> str:
    """Return the codes and names of an attribute's values, for a message."""
    more = ", …" if len(attribute.values) > _SHOWN else ""
    return ", ".join(f"{value.code} {value.name}" for value in attribute.values[:_SHOWN]) + more


def show_columns(columns: AnyMapping[str, tuple[str, dict[str, str]]]) -> str:
    """Return the part of a mapping file that maps these columns, for a message; of many values the first ones."""
    lines = []
    for header, (attribute, values) in columns.items():
        lines += [*_head(header, attribute), *_values(values)[:_SHOWN]]
        if len(values) > _SHOWN:
            lines.append(f"# and {len(values) - _SHOWN} more values")
    return "\n".join(lines)


def _head(header: str, attribute: str) -> list[str]:
    return [f"[columns.{_text(header)}]", f"attribute = {_text(attribute)}"]


def _values(values: AnyMapping[str, str]) -> list[str]:
    return [f"values.{_text(value)} = {_text(ours)}" for value, ours in values.items()]


def _is_encoding(name: Any) -> bool:
    try:
        b" ".decode(name)
    except (LookupError, TypeError, ValueError):
        return False
    return True


def _bad(name: str, error: Exception | str) -> FacelabelError:
    return FacelabelError(
        "bad_mapping", f"The mapping {name} cannot be read: {error}.", do="See docs/import.md for its form."
    )


def _column(header: str, entry: Any) -> tuple[str, dict[str, str]]:
    place = f"[columns.{_text(header)}]"
    _check_keys(_table(entry, place), place, {"attribute", "values"})
    values = _table(entry.get("values", {}), f"values in {place}")
    attribute = _plain(entry.get("attribute", header), f"attribute in {place}")
    return attribute, {key: _plain(value, f"{_text(key)} in {place}") for key, value in values.items()}


def _label(label: str, entry: Any) -> tuple[str, str]:
    place = f"{_text(label)} in [labels]"
    _check_keys(_table(entry, place), place, {"attribute", "value"})
    return _plain(entry.get("attribute", ""), place), _plain(entry.get("value", ""), place)


def _table(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{place[:100]} must hold `name = …`, and is {json.dumps(value, default=str)[:40]}")
    return value


def _plain(value: Any, place: str) -> str:
    if isinstance(value, dict | list):
        raise TypeError(f"{place[:100]} must be a text")
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _check_keys(table: dict[str, Any], place: str, known: set[str]) -> None:
    """A misspelt key would be ignored, and its values read in another way than was meant."""
    if unknown := sorted(table.keys() - known):
        raise ValueError(
            f"{place[:100]} has {_text(unknown[0])[:60]}, and may only have {', '.join(sorted(known))}"
        )


def _text(text: str) -> str:
    """A TOML basic string: a JSON string in which DEL is escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
