"""Labels in any CSV: one row per image, a column per attribute, read as it is or through a small mapping file.

A mapping is a TOML file:

    image = "file"                      # the column with the image's name
    [columns.beard_type]                # a column of the CSV
    attribute = "beard"                 # the attribute it answers
    values = { full = "yes", "" = "" }  # its cells → our value names or codes; "" means not labelled
    [columns.comment]
    attribute = ""                      # left aside
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from annotator.domain.schema import Attribute, Schema
from annotator.errors import FacelabelError

IMAGE_COLUMNS = ("image_name", "filename", "file_name", "image", "file")
"""Headers that are taken for the image's name when no mapping says otherwise."""

MAX_FILE_BYTES = 512 * 2**20
_SHOWN = 10


@dataclass(frozen=True)
class Column:
    """What one column of the file means."""

    index: int
    header: str
    attribute: Attribute
    values: dict[str, str]


@dataclass(frozen=True)
class Row:
    """One image's answers: codes (-1 is can't tell) or, for open attributes, names. Unlabelled cells are left out."""

    image_name: str
    answers: dict[str, int | str]


@dataclass(frozen=True)
class Table:
    """A whole file, checked."""

    rows: list[Row]
    left_aside: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Mapping:
    """A mapping file: the image column, and per column the attribute and its values."""

    image: str | None = None
    columns: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Mapping:
        """Read a mapping file.

        Raises:
            FacelabelError: if it is no such file.
        """
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
            columns = {
                header: (
                    str(entry.get("attribute", header)),
                    {str(k): str(v) for k, v in entry.get("values", {}).items()},
                )
                for header, entry in document.get("columns", {}).items()
            }
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError) as error:
            raise FacelabelError(
                "bad_mapping",
                f"The mapping {path} cannot be read: {error}.",
                do="See docs/import.md for its form.",
            ) from error
        image = document.get("image")
        return cls(str(image) if image is not None else None, columns)


def read_table(path: Path, schema: Schema, mapping: Mapping | None = None) -> Table:
    """Read and check a whole label file, so that it is imported as a whole or not at all.

    Raises:
        FacelabelError: if a column is missing, a row has another number of cells than the header, an image stands
            there twice with different answers, or a cell holds a value that the schema does not know; the first ten places are named.
    """
    mapping = mapping or Mapping()
    lines = _read_lines(path)
    try:
        _, header = next(lines)
    except StopIteration:
        raise _bad(path, "it is empty") from None
    image_index = _find_image_column(path, header, mapping)
    columns, left_aside = _find_columns(path, header, image_index, schema, mapping)
    rows: list[Row] = []
    by_name: dict[str, Row] = {}
    wrong: list[str] = []
    for number, cells in lines:
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
            wrong.append(f"line {number}: {row.image_name[:60]!r} stood before with other answers")
        elif by_name[row.image_name] is row:
            rows.append(row)
    if wrong:
        more = f"\n  and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise FacelabelError(
            "bad_table",
            f"{path} has {len(wrong)} cells or rows that cannot be read:\n  "
            + "\n  ".join(wrong[:_SHOWN])
            + more,
            do="Mend the file, add the values to attributes.toml, or map them with --map FILE.",
        )
    return Table(rows, left_aside)


def _read_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise _bad(path, f"it is larger than {MAX_FILE_BYTES // 2**20} MiB")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _bad(path, str(error.strerror)) from error
    except UnicodeDecodeError as error:
        raise _bad(path, f"it is not UTF-8 ({error.reason} at byte {error.start})") from error
    if "\0" in text:
        raise _bad(path, "it holds a NUL character")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise _bad(path, f"line {reader.line_num}: {error}") from error


def _find_image_column(path: Path, header: list[str], mapping: Mapping) -> int:
    wanted = (mapping.image,) if mapping.image is not None else IMAGE_COLUMNS
    for name in wanted:
        if name in header:
            return header.index(name)
    raise FacelabelError(
        "missing_column",
        f"{path} has no column {' or '.join(repr(name) for name in wanted)} with the image's name; it has {', '.join(header)}.",
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
    left_aside = []
    for index, name in enumerate(header):
        if index == image_index:
            continue
        target, values = mapping.columns.get(name, (name, {}))
        attribute = schema.find_column(target) if target else None
        if attribute is None:
            if target and name in mapping.columns:
                raise FacelabelError(
                    "unknown_attribute", f"The mapping names {target!r}, which the schema does not have."
                )
            left_aside.append(name)
        elif any(column.attribute.name == attribute.name for column in columns):
            raise _bad(path, f"two columns answer {attribute.name}")
        else:
            columns.append(Column(index, name, attribute, values))
    if not columns:
        known = ", ".join(attribute.name for attribute in schema.attributes)
        raise FacelabelError(
            "missing_column",
            f"No column of {path} is an attribute of the schema ({known}); it has {', '.join(header)}.",
            do="Map its columns with --map FILE.",
        )
    return columns, left_aside


def _answer(column: Column, cell: str) -> int | str | None:
    text = column.values.get(cell, column.values.get(cell.strip(), cell)).strip()
    if not text:
        return None
    if column.attribute.kind == "open":
        return text
    code = column.attribute.code_of(text)
    if code is None:
        known = ", ".join(f"{value.code} {value.name}" for value in column.attribute.values)
        raise ValueError(f"{column.header} has no value {text[:60]!r} (known: {known})")
    return code


def _bad(path: Path, what: str) -> FacelabelError:
    return FacelabelError("bad_table", f"{path} cannot be read as a label file: {what}.", do="Mend the file.")
