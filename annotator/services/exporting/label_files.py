"""The labels as they are now, as one file: what most people take out of a project."""

from __future__ import annotations

from pathlib import Path

from annotator.formats.exporters.base import Export
from annotator.formats.snapshot.csv_text import csv_field
from annotator.formats.snapshot.labels import LabelLines
from annotator.formats.tools import coursework_csv
from annotator.project import ProjectFolder
from annotator.services.exporting.filled import FilledColumns
from annotator.services.exporting.snapshots import read_batches, read_images
from annotator.services.schema.active import read_schema


def write_labels(project: ProjectFolder, file: Path, *, names: bool = False, filled: bool = True) -> None:
    """Write labels.csv as a snapshot would hold it.

    Args:
        project: the project.
        file: the file to write.
        names: write the values' names instead of their codes.
        filled: also write the cells that a model filled; the file does not tell them from answers.
    """
    with project.database.read() as session, file.open("w", encoding="utf-8", newline="") as opened:
        lines = LabelLines(read_schema(session, people=True), names=names)
        opened.write(lines.header())
        for batch in read_batches(session, FilledColumns(session) if filled else None):
            opened.write(lines.of(list(map(csv_field, batch.names)), batch.codes))


def write_coursework(project: ProjectFolder, folder: Path) -> Path:
    """Write the coursework's annotations.csv into a folder and return it.

    Raises:
        FacelabelError: if the schema lacks one of the six attributes, or a label has a code that the coursework lacks.
    """
    with project.database.read() as session:
        export = Export(
            read_schema(session, people=True),
            read_images(session, FilledColumns(session)),
            project.stores.images,
            "none",
        )
        coursework_csv.write(folder, export)
    return folder / "annotations.csv"
