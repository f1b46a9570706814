"""The coursework's label file: image_name and six columns of codes, CR LF, one row per labelled image."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from annotator.domain.schema import CANNOT_TELL
from annotator.formats.exporters.base import Export, Losses, cannot_say
from annotator.formats.importers.base import SourceAnswer, SourceContents, SourceImage
from annotator.formats.importers.safe_readers import first_line, image_name, plain_text, read_csv_rows, refuse
from annotator.formats.snapshot.csv_text import csv_text

HEADER = ("image_name", "wrinkles", "freakles", "glasses", "hair_color", "hair_top", "human_not_human")
_CODES = {
    "wrinkles": 2, "freakles": 2, "glasses": 3, "hair_color": 9, "hair_top": 4, "human_not_human": 2,
}  # fmt: skip
"""The number of codes of each column; codes count from 0."""


def recognise(path: Path) -> bool:
    """Return whether a file begins with the coursework's header."""
    return first_line(path) == ",".join(HEADER)


def read(path: Path) -> SourceContents:
    """Read the file; the values of its answers are codes.

    Raises:
        FacelabelError: it names the line that cannot be read.
    """
    contents = SourceContents(coded=True)
    rows = read_csv_rows(path)
    if tuple(next(rows, ("", []))[1]) != HEADER:
        refuse(path, f"its first line is not {','.join(HEADER)}")
    for where, cells in rows:
        name = image_name(path, where, cells[0])
        contents.images.append(SourceImage(name))
        for column, cell in zip(HEADER[1:], cells[1:], strict=True):
            text = plain_text(path, where, cell, column)
            if text:
                value = None if text == str(CANNOT_TELL) else text
                contents.answers.append(SourceAnswer(name, column, value))
    return contents


def write(folder: Path, export: Export) -> Losses:
    """Write annotations.csv.

    Raises:
        FacelabelError: if the schema lacks one of the six attributes, or a label has a code that the coursework lacks.
    """
    losses = Losses()
    attributes = {}
    for column in HEADER[1:]:
        attribute = export.schema.find_column(column)
        if attribute is None:
            raise cannot_say("The coursework's file", f"the schema has no attribute for its column {column}")
        attributes[column] = attribute.name
    with (folder / "annotations.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(_line(HEADER))
        for image in export.images:
            for other in image.labels.keys() - set(attributes.values()):
                losses.add(f"labels of {other}, which has no column", image.name)
            row = _row(image.name, image.labels, attributes)
            if any(row[1:]):
                file.write(_line(row))
            else:
                losses.add("images without a label in these columns", image.name)
    return losses


def _line(cells: Iterable[str]) -> str:
    # Only the end of the line becomes CR LF; a line break inside a quoted name stays unchanged.
    return csv_text(cells, ()).removesuffix("\n") + "\r\n"


def _row(name: str, labels: dict[str, int | None], attributes: dict[str, str]) -> list[str]:
    row = [name]
    for column, attribute in attributes.items():
        code = labels.get(attribute, -2)
        if code is None:
            row.append(str(CANNOT_TELL))
        elif code >= _CODES[column]:
            raise cannot_say("The coursework's file", f"{name!r} has the code {code}, which {column} lacks")
        else:
            row.append("" if code < 0 else str(code))
    return row
