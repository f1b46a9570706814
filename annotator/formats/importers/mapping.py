"""A mapping file: it translates the columns, attributes and labels of a source into our schema.

image = "file"                      # in a table: the column with the image's name
[columns.beard_type]                # a column or attribute of the file
attribute = "beard"                 # the attribute it answers
values = { full = "yes", "" = "" }  # its values → our value names or codes; "" means not labelled
[columns.comment]
attribute = ""                      # ignored
[labels]                            # of a flat list of labels
"brown hair" = { attribute = "hair_color", value = "brown" }
"blurry" = {}                       # ignored
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
    """Translates names of a source into ours.

    Args:
        image: the column of a table with the image's name; None: a usual name.
        columns: the attribute and the values of each column; the attribute "" ignores the column.
        labels: the attribute and the value of each flat label; the attribute "" ignores the label.
    """

    image: str | None = None
    columns: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    labels: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Mapping:
        """Read a mapping file.

        Raises:
            FacelabelError: if it is not a mapping file.
        """
        try:
            return cls.parse(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise _bad(str(path), error) from error

    @classmethod
    def parse(cls, text: str, name: str) -> Mapping:
        """Parse the text of a mapping file; errors call it `name`.

        Raises:
            FacelabelError: if it is not the text of a mapping file.
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
        """Write the file for a person to edit; `counts`: how often each column or label occurs."""
        write_atomically(path, self.text(counts).encode())

    def text(self, counts: AnyMapping[str, int]) -> str:
        """Return the text of the file for a person to edit; `counts`: how often each column or label occurs."""
        lines = [
            "# Proposed from the names: check every line before it is used.",
            "# An empty attribute or value ignores the label.",
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
    """A TOML basic string: a JSON string in which DEL is escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
