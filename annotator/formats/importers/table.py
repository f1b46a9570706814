"""Tables of labels (CSV, TSV): one row per image, one column per attribute, with or without a mapping.

Encoding, delimiter and header are detected; every encoding except UTF-8 is noted.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePath

from annotator.domain.names import find_attribute, find_code
from annotator.domain.schema import Attribute, Schema
from annotator.errors import FacelabelError
from annotator.formats.importers.base import SourceAnswer, SourceContents
from annotator.formats.importers.mapping import Mapping
from annotator.formats.importers.translate import Row, Translation
from annotator.imaging.image_kinds import IMAGE_ENDINGS

IMAGE_COLUMNS = ("image_name", "filename", "file_name", "image", "file")
"""Headers of the column with the image's name, unless a mapping names that column."""

MAX_FILE_BYTES = 512 * 2**20
_SHOWN = 10
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class Column:
    """A column that answers an attribute; `values` translates its cells."""

    index: int
    header: str
    attribute: Attribute
    values: dict[str, str]


def recognise(path: Path) -> bool:
    """Return whether a file is named like a table."""
    return path.suffix.lower() in {".csv", ".tsv", ".tab"} and not path.is_dir()


def read(path: Path) -> SourceContents:
    """Read every cell as an answer to its column, in the table's own words; the image column defaults to the first.

    Raises:
        FacelabelError: if the file is not a table.
    """
    lines = _Lines(path)
    header = lines.header
    image = next((header.index(name) for name in IMAGE_COLUMNS if name in header), 0)
    return SourceContents(
        answers=[
            SourceAnswer(cells[image], name, cell)
            for _, cells in lines.rows
            if len(cells) == len(header)
            for index, (name, cell) in enumerate(zip(header, cells, strict=True))
            if index != image
        ]
    )


def read_table(path: Path, schema: Schema, mapping: Mapping | None = None) -> Translation:
    """Read, check and translate a whole table: a table is imported as a whole or not at all.

    Raises:
        FacelabelError: if a column is missing, a row has another number of cells than the header, two rows of one image
            differ, or a cell holds a value that the schema does not have. The error names the first ten places.
    """
    mapping = mapping or Mapping()
    lines = _Lines(path)
    header = lines.header
    image_index = _find_image_column(path, header, mapping)
    columns, ignored_columns = _find_columns(path, header, image_index, schema, mapping)
    rows: list[Row] = []
    by_name: dict[str, Row] = {}
    wrong: list[str] = []
    for number, cells in lines.rows:
        if len(cells) != len(header):
            wrong.append(f"line {number}: {len(cells)} cells instead of {len(header)}")
            continue
        answers: dict[str, int | str] = {}
        for column in columns:
            try:
                answer = _answer(column, cells[column.index])
            except ValueError as error:
                wrong.append(f"line {number}: {error}")
                continue
            if answer is not None:
                answers[column.attribute.name] = answer
        row = Row(cells[image_index], answers)
        if by_name.setdefault(row.image_name, row) != row:
            wrong.append(f"line {number}: {row.image_name[:60]!r} has another row with other answers")
        elif by_name[row.image_name] is row:
            rows.append(row)
    if wrong:
        more = f"\n  and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise FacelabelError(
            "bad_table",
            f"{path} has {len(wrong)} cells or rows that cannot be read:\n  "
            + "\n  ".join(wrong[:_SHOWN])
            + more,
            do="Fix the file, add the values to attributes.toml, or map them: `--dry-run --map-out FILE` proposes a mapping, "
            "--map FILE uses it.",
        )
    return Translation(rows, ignored_columns=ignored_columns, notes=lines.notes)


class _Lines:
    """The lines of a table; `notes` tells what had to be guessed about it."""

    def __init__(self, path: Path) -> None:
        text, self.notes = _decode(path)
        if "\0" in text:
            raise _bad(path, "it holds a NUL character")
        delimiter = _delimiter(text)
        if delimiter != ",":
            self.notes.append(f"its cells are separated by {_DELIMITERS[delimiter]}")
        lines = _split(path, text, delimiter)
        first = next(lines, None)
        if first is None:
            raise _bad(path, "it is empty")
        self.header = first[1]
        self.rows: Iterator[tuple[int, list[str]]] = lines
        if PurePath(self.header[0].strip().lower()).suffix in IMAGE_ENDINGS:
            self.rows = chain([first], lines)
            self.header = [IMAGE_COLUMNS[0], *(str(number) for number in range(2, len(first[1]) + 1))]
            self.notes.append("it has no header: its columns are called image_name, 2, 3, …")


def _decode(path: Path) -> tuple[str, list[str]]:
    """The text of a file and notes on its encoding: that of its byte order mark, UTF-8, or else Windows-1252."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise _bad(path, f"it is larger than {MAX_FILE_BYTES // 2**20} MiB")
        content = path.read_bytes()
    except OSError as error:
        raise _bad(path, str(error.strerror)) from error
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        if wide:
            return content.decode("utf-16"), ["it is UTF-16"]
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        if wide:
            raise _bad(path, "it has the byte order mark of UTF-16, but is not UTF-16") from error
    for name, encoding in (("Windows-1252", "cp1252"), ("Latin-1", "latin-1")):
        try:
            return content.decode(encoding), [f"it is not UTF-8 and was read as {name}: check the names"]
        except UnicodeDecodeError:
            continue
    raise AssertionError("every byte is Latin-1")


def _delimiter(text: str) -> str:
    """The separator that occurs most often in the first line, outside quotes."""
    first = re.sub(r'"[^"]*"', "", text[:100_000].lstrip("\r\n").partition("\n")[0])
    return max(_DELIMITERS, key=first.count)


def _split(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise _bad(path, f"line {reader.line_num}: {error}") from error


def _find_image_column(path: Path, header: list[str], mapping: Mapping) -> int:
    names = (mapping.image,) if mapping.image is not None else IMAGE_COLUMNS
    for name in names:
        if name in header:
            return header.index(name)
    raise FacelabelError(
        "missing_column",
        f"{path} has no column {' or '.join(repr(name) for name in names)} with the image's name; it has {', '.join(header)}.",
        do='Name the column in a mapping file: `image = "…"`, and give it with --map FILE.',
    )


def _find_columns(
    path: Path, header: list[str], image_index: int, schema: Schema, mapping: Mapping
) -> tuple[list[Column], list[str]]:
    for name in mapping.columns:
        if name not in header:
            raise FacelabelError(
                "missing_column",
                f"{path} has no column {name!r}, which the mapping names; it has {', '.join(header)}.",
            )
    columns: list[Column] = []
    ignored: list[str] = []
    for index, name in enumerate(header):
        if index == image_index:
            continue
        target, values = mapping.columns.get(name, (name, {}))
        attribute = find_attribute(schema, target) if target else None
        if attribute is None:
            if target and name in mapping.columns:
                raise FacelabelError(
                    "unknown_attribute", f"The mapping names {target!r}, which the schema does not have."
                )
            ignored.append(name)
        elif any(column.attribute.name == attribute.name for column in columns):
            raise _bad(path, f"two columns answer {attribute.name}")
        else:
            columns.append(Column(index, name, attribute, values))
    if not columns:
        names = ", ".join(attribute.name for attribute in schema.attributes)
        raise FacelabelError(
            "missing_column",
            f"No column of {path} is an attribute of the schema ({names}); it has {', '.join(header)}.",
            do="Map its columns with --map FILE.",
        )
    return columns, ignored


def _answer(column: Column, cell: str) -> int | str | None:
    text = column.values.get(cell, column.values.get(cell.strip(), cell)).strip()
    if not text:
        return None
    if column.attribute.kind == "open":
        return text
    code = find_code(column.attribute, text)
    if code is None:
        values = ", ".join(f"{value.code} {value.name}" for value in column.attribute.values)
        raise ValueError(f"{column.header} has no value {text[:60]!r} (it has {values})")
    return code


def _bad(path: Path, what: str) -> FacelabelError:
    return FacelabelError("bad_table", f"{path} cannot be read as a label file: {what}.", do="Fix the file.")
