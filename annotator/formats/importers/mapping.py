"""A mapping file: what the columns, attributes and labels of a foreign file mean in our schema.

image = "file"                      # of a table: the column with the image's name
[columns.beard_type]                # a column or attribute of the file
attribute = "beard"                 # the attribute it answers
values = { full = "yes", "" = "" }  # its values → our value names or codes; "" means not labelled
[columns.comment]
attribute = ""                      # left aside
[labels]                            # of a flat list of labels
"brown hair" = { attribute = "hair_color", value = "brown" }
"blurry" = {}                       # left aside
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotator.errors import FacelabelError
from annotator.files import write_atomically


@dataclass(frozen=True)
class Mapping:
    """The image column; per column the attribute and its values; per flat label the attribute and the value."""

    image: str | None = None
    columns: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    labels: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Mapping:
        """Read a mapping file.

        Raises:
            FacelabelError: if it is no such file.
        """
        try:
            return cls.parse(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise _bad(str(path), error) from error

    @classmethod
    def parse(cls, text: str, name: str) -> Mapping:
        """Read the text of a mapping file; `name` is what an error calls it.

        Raises:
            FacelabelError: if it is no such text.
        """
        try:
            document = tomllib.loads(text)
            columns = {
                header: (
                    str(entry.get("attribute", header)),
                    {str(k): str(v) for k, v in entry.get("values", {}).items()},
                )
                for header, entry in document.get("columns", {}).items()
            }
            labels = {label: _label(entry) for label, entry in document.get("labels", {}).items()}
        except (tomllib.TOMLDecodeError, AttributeError, RecursionError) as error:
            raise _bad(name, error) from error
        image = document.get("image")
        return cls(str(image) if image is not None else None, columns, labels)

    def write(self, path: Path, counts: AnyMapping[str, int]) -> None:
        """Write it for a person to edit; `counts`: how often each column or label occurs."""
        write_atomically(path, self.text(counts).encode())

    def text(self, counts: AnyMapping[str, int]) -> str:
        """Its file as a text for a person to edit; `counts`: how often each column or label occurs."""
        lines = [
            "# Proposed from the names: check every line before it is used.",
            "# An empty attribute or value leaves the label aside.",
        ]
        if self.image is not None:
            lines.append(f"image = {_text(self.image)}")
        for header, (attribute, values) in self.columns.items():
            lines += ["", f"[columns.{_text(header)}]", f"attribute = {_text(attribute)}"]
            lines += [f"values.{_text(value)} = {_text(ours)}" for value, ours in values.items()]
        if self.labels:
            lines += ["", "[labels]"]
        for label, (attribute, value) in self.labels.items():
            entry = f"{{ attribute = {_text(attribute)}, value = {_text(value)} }}"
            lines.append(f"{_text(label)} = {entry}  # {counts.get(label, 0)} images")
        return "\n".join(lines) + "\n"


def _bad(name: str, error: Exception) -> FacelabelError:
    return FacelabelError(
        "bad_mapping", f"The mapping {name} cannot be read: {error}.", do="See docs/import.md for its form."
    )


def _label(entry: Any) -> tuple[str, str]:
    return str(entry.get("attribute", "")), str(entry.get("value", ""))


def _text(text: str) -> str:
    """A TOML basic string: JSON's, but for the one character that TOML also wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
