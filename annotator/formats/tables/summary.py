"""The summary of a table, from which a person chooses what its columns and cells mean."""

from __future__ import annotations

from pathlib import Path

from annotator.domain.schema import Schema
from annotator.formats.importers.mapping import Mapping
from annotator.formats.importers.summary import (
    MAX_COLUMNS,
    ColumnSummary,
    Example,
    ExampleRows,
    SourceSummary,
    cell_text,
)
from annotator.formats.tables.table import COURSEWORK, is_ours, open_for_schema, whole_rows
from annotator.formats.tables.table_rows import find_image_column
from annotator.imaging.image_kinds import IMAGE_ENDINGS

_ENDINGS = tuple(IMAGE_ENDINGS)


def summarise_table(path: Path, schema: Schema, mapping: Mapping) -> SourceSummary:
    """Summarise a table in one pass over its rows.

    The column with the image's name is the one that the mapping names, one with a usual name, or else the column with the
    most cells that end like image files.

    Raises:
        FacelabelError: if the file is not a table.
    """
    lines = open_for_schema(path, schema, mapping)
    named = find_image_column(lines.header, None)
    chosen = find_image_column(lines.header, mapping.image)
    index_of = {header: index for index, header in reversed(list(enumerate(lines.header))) if header}
    counted = dict(sorted(index_of.items(), key=lambda item: item[1])[:MAX_COLUMNS])
    columns = {header: ColumnSummary(header) for header in counted}
    image_cells = dict.fromkeys(counted, 0)
    rows = ExampleRows()
    for _, cells in whole_rows(lines, []):
        for header, index in counted.items():
            columns[header].add(cells[index])
            if chosen is None:
                image_cells[header] += cells[index].strip().lower().endswith(_ENDINGS)
        if rows.wants_next():
            rows.keep(Example("", {header: cell_text(cells[index]) for header, index in counted.items()}))
    image = (
        max(image_cells, key=image_cells.__getitem__, default=None)
        if chosen is None
        else lines.header[chosen]
    )
    listed = list(columns.values())
    keeps_minus_one = is_ours(lines.header, {column.name: set(column.values) for column in listed}, schema)
    for column in listed:
        column.trim()
    return SourceSummary(
        "table",
        listed,
        len(index_of) - len(listed),
        examples=rows.all(),
        headers=list(counted),
        image=image,
        named=named is not None and lines.header[named] == image,
        keeps_minus_one=keeps_minus_one,
        coded=lines.header == COURSEWORK,
    )
