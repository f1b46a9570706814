"""Tables of labels (CSV, TSV, workbooks): one row per image, one column per attribute, with or without a mapping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from annotator.domain.names import find_attribute, propose_values, whole_number
from annotator.domain.plurals import counted
from annotator.domain.schema import Attribute, Schema
from annotator.errors import FacelabelError
from annotator.formats.importers.base import SourceAnswer, SourceContents
from annotator.formats.importers.mapping import Mapping, find_header, list_values, show_columns
from annotator.formats.importers.translate import EMPTY_WORDS, Row, Translation, group_one_hot, propose
from annotator.formats.tables.column_values import Decision, decide, propose_cells
from annotator.formats.tables.table_rows import (
    ENDINGS,
    IMAGE_COLUMNS,
    TableRows,
    bad_table,
    find_image_column,
    open_table,
)

_SHOWN = 10
COURSEWORK = ["image_name", "wrinkles", "freakles", "glasses", "hair_color", "hair_top", "human_not_human"]
"""The header of the coursework's table."""


@dataclass(frozen=True)
class Column:
    """A column that answers an attribute. `values`: the mapping of its cells; `answers`: what each different cell means."""

    index: int
    header: str
    attribute: Attribute
    values: dict[str, str]
    answers: dict[str, int | str | None] = field(default_factory=dict)


def recognise(path: Path) -> bool:
    """Return whether a file is named like a table."""
    return path.name.lower().endswith(ENDINGS) and not path.is_dir()


def read(path: Path) -> SourceContents:
    """Read every cell as an answer to its column, in the table's own words; the image column defaults to the first.

    Raises:
        FacelabelError: if the file is not a table.
    """
    return _contents(open_table(path), None)


def _contents(lines: TableRows, image: str | None) -> SourceContents:
    image_index = lines.image_column(image) or 0
    return SourceContents(
        answers=[
            SourceAnswer(cells[image_index], name, cell.strip())
            for _, cells in whole_rows(lines, [])
            for index, (name, cell) in enumerate(zip(lines.header, cells, strict=True))
            if index != image_index and name
        ]
    )


def read_table(path: Path, schema: Schema, mapping: Mapping | None = None) -> Translation:
    """Read, check and translate a whole table: a table is imported as a whole or not at all.

    A column holds codes or names, as `column_values` decides. Several columns may answer one attribute if the mapping names
    them all; where two of them answer it differently, the cell stays unlabelled and is told as a contradiction.

    Raises:
        FacelabelError: if a column is missing, a row has another number of cells than the header, two rows of one image
            differ, a cell holds a value that the schema does not have, or a column can be read in two ways. The error
            names the first ten places, and the mapping to write.
    """
    mapping = mapping or Mapping()
    lines = open_for_schema(path, schema, mapping)
    image_index = _find_image_column(path, lines.header, mapping)
    columns, ignored_columns = _find_columns(path, lines.header, image_index, schema, mapping)
    wrong: list[tuple[int, str]] = []
    rows = list(whole_rows(lines, wrong))
    unknown = _decide_columns(path, lines, columns, rows, schema)
    wrong += _unknown_cells(columns, rows, unknown)
    translation = Translation(ignored_columns=ignored_columns, notes=lines.notes)
    _translate_rows(translation, columns, rows, image_index, wrong)
    if wrong:
        raise _refusal(
            path, [f"{lines.place} {number}: {what}" for number, what in sorted(wrong)], columns, unknown
        )
    unmapped = [header for header in ignored_columns if mapping.column(header) is None]
    if groups := group_one_hot(unmapped, schema):
        translation.notes += [
            f"{', '.join(headers)} look like one column per value of {attribute}, and were ignored: `--dry-run --map-out "
            "FILE` proposes a mapping"
            for attribute, headers in groups.items()
        ]
    return translation


def propose_for_table(path: Path, schema: Schema, mapping: Mapping) -> tuple[Mapping, Counter[str]]:
    """Guess a mapping for the columns and values of a table that have no equal of ours.

    A column that can be read in two ways is proposed with both readings, one of which a person must choose.

    Args:
        path: the table.
        schema: the schema.
        mapping: the mapping that was given for it; its column of images and its encoding are kept.

    Returns:
        The mapping, and how often each column occurs.

    Raises:
        FacelabelError: if the file is not a table.
    """
    lines = open_for_schema(path, schema, mapping)
    contents = _contents(lines, mapping.image)
    proposal, counts = propose(contents, schema)
    cells: dict[str, set[str]] = {}
    for answer in contents.answers:
        cells.setdefault(answer.attribute, set()).add(answer.value or "")
    ours = is_ours(lines.header, cells, schema)
    columns, readings = dict(proposal.columns), {}
    for name, of_column in cells.items():
        attribute = find_attribute(schema, name)
        if attribute is None:
            continue
        columns.pop(name, None)
        decision, proposed = propose_cells(
            attribute, of_column, {}, keeps_minus_one=ours, coded=lines.header == COURSEWORK
        )
        if decision.readings:
            readings[name] = (attribute.name, decision.readings)
        elif proposed:
            columns[name] = (attribute.name, proposed)
    return Mapping(mapping.image, columns, {}, mapping.encoding, readings), counts


def open_for_schema(path: Path, schema: Schema, mapping: Mapping) -> TableRows:
    """Open a table whose text may hold the names of the schema's values.

    Raises:
        FacelabelError: if the file is not a table.
    """
    words = [value.name for attribute in schema.attributes for value in attribute.values]
    return open_table(path, mapping.image, mapping.encoding, words)


def whole_rows(lines: TableRows, wrong: list[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows with as many cells as the header, with their numbers; empty cells beyond it are dropped, other rows are added to `wrong`."""
    width = len(lines.header)
    for number, cells in lines.rows:
        if len(cells) > width and not any(map(str.strip, cells[width:])):
            del cells[width:]
        if len(cells) == width:
            yield number, cells
        else:
            wrong.append((number, f"{len(cells)} cells instead of {width}"))


def _find_image_column(path: Path, header: list[str], mapping: Mapping) -> int:
    index = find_image_column(header, mapping.image)
    if index is not None:
        return index
    names = (mapping.image,) if mapping.image is not None else IMAGE_COLUMNS
    raise FacelabelError(
        "missing_column",
        f"{path} has no column {' or '.join(repr(name) for name in names)} with the image's name; it has {', '.join(header)}.",
        do='Name the column in a mapping file: `image = "…"`, and give it with --map FILE.',
    )


def _find_columns(
    path: Path, header: list[str], image_index: int, schema: Schema, mapping: Mapping
) -> tuple[list[Column], list[str]]:
    for name in mapping.columns:
        if find_header(header, name) is None:
            raise FacelabelError(
                "missing_column",
                f"{path} has no column {name!r}, which the mapping names; it has {', '.join(header)}.",
                do="Name the column in the mapping as the table does.",
            )
    columns: list[Column] = []
    ignored: list[str] = []
    mapped: set[str] = set()
    for index, name in enumerate(header):
        if index == image_index or not name:
            continue
        entry = mapping.column(name)
        target, values = entry or (name, {})
        attribute = find_attribute(schema, target) if target else None
        if attribute is None:
            if target and entry is not None:
                raise FacelabelError(
                    "unknown_attribute",
                    f"The mapping names the attribute {target!r}, which the schema does not have.",
                    do="Fix the mapping, or add it to attributes.toml and call `facelabel schema apply`.",
                )
            ignored.append(name)
            continue
        twice = [column.header for column in columns if column.attribute.name == attribute.name]
        if twice and (name in twice or entry is None or not mapped.issuperset(twice)):
            raise bad_table(path, f"two columns answer {attribute.name}")
        if entry is not None:
            mapped.add(name)
        columns.append(Column(index, name, attribute, values))
    if not columns:
        raise _no_attribute(path, header, ignored, schema)
    return columns, ignored


def _no_attribute(path: Path, header: list[str], ignored: list[str], schema: Schema) -> FacelabelError:
    names = ", ".join(attribute.name for attribute in schema.attributes)
    told = "".join(
        f" {', '.join(headers)} look like one column per value of {attribute}."
        for attribute, headers in group_one_hot(ignored, schema).items()
    )
    return FacelabelError(
        "missing_column",
        f"No column of {path} is an attribute of the schema ({names}); it has {', '.join(header)}.{told}",
        do="Map its columns: `--dry-run --map-out FILE` proposes a mapping, --map FILE uses it.",
    )


def _decide_columns(
    path: Path, lines: TableRows, columns: list[Column], rows: list[tuple[int, list[str]]], schema: Schema
) -> dict[str, list[str]]:
    """Fill the answers of all columns; return the unknown cells by header.

    Raises:
        FacelabelError: if a column can be read in two ways; it shows both mappings.
    """
    cells = {column.header: {cells[column.index] for _, cells in rows} for column in columns}
    ours = is_ours(lines.header, cells, schema)
    unknown = {}
    undecided: dict[str, tuple[Column, Decision]] = {}
    for column in columns:
        decision = decide(
            column.attribute,
            cells[column.header],
            column.values,
            keeps_minus_one=ours,
            coded=lines.header == COURSEWORK,
        )
        column.answers.update(decision.answers)
        lines.notes += [f"{column.header}: {note}" for note in decision.notes]
        if decision.unknown:
            unknown[column.header] = decision.unknown
        if decision.readings:
            undecided[column.header] = (column, decision)
    if undecided:
        raise _undecided(path, undecided)
    return unknown


def is_ours(header: list[str], cells: dict[str, set[str]], schema: Schema) -> bool:
    """Return whether -1 is "can't tell" in a table.

    It is if the table is the coursework's, or if it has our columns and cells that tables of -1 and 1 never have: empty
    ones, or codes above 1.
    """
    if header == COURSEWORK:
        return True
    texts = {
        cell.strip()
        for name, of_column in cells.items()
        if (attribute := find_attribute(schema, name)) is not None and attribute.kind == "categorical"
        for cell in of_column
    }
    return header == ["image_name", *(attribute.name for attribute in schema.attributes)] and any(
        not text or text.casefold() in EMPTY_WORDS or (whole_number(text) or 0) > 1 for text in texts
    )


def _undecided(path: Path, undecided: dict[str, tuple[Column, Decision]]) -> FacelabelError:
    """The error that shows the mappings to choose from, of columns with the same two readings together."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for header, (_, decision) in undecided.items():
        groups.setdefault(tuple(reading.title for reading in decision.readings), []).append(header)
    parts = []
    for titles, headers in groups.items():
        for number, title in enumerate(titles):
            shown = {
                header: (column.attribute.name, decision.readings[number].values)
                for header, (column, decision) in undecided.items()
                if header in headers[:_SHOWN]
            }
            parts += [f"# {'or, if' if number else 'if'} {title}:", show_columns(shown)]
        if len(headers) > _SHOWN:
            parts.append(f"# and {len(headers) - _SHOWN} more columns: `--dry-run --map-out FILE` writes all")
    return FacelabelError(
        "undecided_column",
        f"The cells of {', '.join(undecided)} in {path} can be read in two ways, so nothing was guessed.",
        do="Write one of the two mappings to a file, and give it with --map FILE:\n" + "\n".join(parts),
    )


def _unknown_cells(
    columns: list[Column], rows: list[tuple[int, list[str]]], unknown: dict[str, list[str]]
) -> list[tuple[int, str]]:
    """The number of each row with an unknown cell, and what is wrong with it."""
    found = []
    for column in columns:
        cells_of_column = set(unknown.get(column.header, ()))
        values = list_values(column.attribute)
        found += [
            (number, f"{column.header} has no value {cells[column.index].strip()[:60]!r} (it has {values})")
            for number, cells in rows
            if cells[column.index] in cells_of_column
        ]
    return found


def _translate_rows(
    translation: Translation,
    columns: list[Column],
    rows: list[tuple[int, list[str]]],
    image_index: int,
    wrong: list[tuple[int, str]],
) -> None:
    by_name: dict[str, Row] = {}
    for number, cells in rows:
        answers: dict[str, int | str] = {}
        contradicted = set()
        for column in columns:
            answer = column.answers.get(cells[column.index])
            name = column.attribute.name
            if answer is not None and answers.setdefault(name, answer) != answer:
                contradicted.add(name)
        row = Row(cells[image_index].strip(), answers)
        for name in sorted(contradicted):
            del answers[name]
            translation.contradictions.append((row.image_name, name))
        if by_name.setdefault(row.image_name, row) != row:
            wrong.append((number, f"{row.image_name[:60]!r} has another row with other answers"))
        elif by_name[row.image_name] is row:
            translation.rows.append(row)


def _refusal(
    path: Path, wrong: list[str], columns: list[Column], unknown: dict[str, list[str]]
) -> FacelabelError:
    more = f"\n  and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    do = (
        "Fix the file, add the values to attributes.toml, or map them: `--dry-run --map-out FILE` proposes a mapping, "
        "--map FILE uses it."
    )
    if unknown:
        proposed = {
            column.header: (column.attribute.name, propose_values(column.attribute, unknown[column.header]) | column.values)
            for column in columns
            if column.header in unknown
        }  # fmt: skip
        do += (
            ' A column holds codes or names, never both. A mapping looks like this; put in the values, "" is not labelled:\n'
            + show_columns(proposed)
        )
    return FacelabelError(
        "bad_table",
        f"{path} has {counted(len(wrong), 'cell or row', 'cells or rows')} that cannot be read:\n  "
        + "\n  ".join(wrong[:_SHOWN])
        + more,
        do=do,
    )
