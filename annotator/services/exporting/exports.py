"""Exporting a dataset in the format of another tool: read from one consistent state, written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from annotator.errors import NotFound, WrongUse
from annotator.formats.export_formats import EXPORT_FORMATS
from annotator.formats.exporters.base import Export, Loss, Losses, new_folder
from annotator.formats.snapshot.images import SnapshotImage
from annotator.formats.snapshot.writer import ImageMode
from annotator.project import ProjectFolder
from annotator.services.exporting.filled import FilledColumns
from annotator.services.exporting.snapshots import read_images, remove_leftovers
from annotator.services.schema.active import read_schema


@dataclass
class ExportReport:
    """What was written; `filled`: labels that a model filled; `lost`: what the format could not hold."""

    path: str
    format: str
    images: int = 0
    labels: int = 0
    filled: int = 0
    lost: list[Loss] = field(default_factory=list)


def export_as(
    project: ProjectFolder,
    form: str,
    to: Path | None = None,
    images: ImageMode | None = None,
    *,
    filled: bool = True,
) -> ExportReport:
    """Write the dataset into a new folder in one of the `EXPORT_FORMATS`.

    Args:
        project: the project.
        form: a name of `EXPORT_FORMATS`.
        to: the folder to create; default: a new folder in the project's exports/.
        images: whether image files are written too; default: as the format needs.
        filled: also write the cells that a model filled; the report says so where the format cannot tell them from answers.

    Raises:
        WrongUse: if there is no such format.
        FacelabelError: if the folder exists or cannot be written, or the file would be read back as other labels;
            nothing is left behind then.
    """
    if form not in EXPORT_FORMATS:
        raise WrongUse(
            "unknown_format",
            f"There is no format {form!r}.",
            do=f"Choose one of {', '.join(EXPORT_FORMATS)}.",
        )
    remove_leftovers(project.exports)
    export_format = EXPORT_FORMATS[form]
    folder = to or project.exports / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{form}"
    report = ExportReport(str(folder), form)
    hidden = Losses()
    with project.database.read() as session, new_folder(folder) as unfinished:
        columns = FilledColumns(session) if filled else None
        rows = _counted(read_images(session, columns), report, hidden)
        export = Export(
            read_schema(session, people=True), rows, project.stores.images, images or export_format.images
        )
        report.lost = export_format.write(unfinished, export).as_list()
    if not export_format.tells_filled:
        report.lost += hidden.as_list()
    return report


def export_folder(project: ProjectFolder, name: str) -> tuple[Path, str]:
    """Return the folder and the format of an export inside the project.

    Raises:
        NotFound: if there is no such export.
    """
    form = name.rpartition("-")[2]
    names = {path.name for path in project.exports.glob("[!.]*") if path.is_dir()}
    if name not in names or form not in EXPORT_FORMATS:
        raise NotFound("unknown_export", f"The project has no export {name!r}.", do="Make it again.")
    return project.exports / name, form


def _counted(
    images: Iterator[SnapshotImage], report: ExportReport, hidden: Losses
) -> Iterator[SnapshotImage]:
    for image in images:
        report.images += 1
        report.labels += len(image.labels)
        report.filled += len(image.filled)
        for attribute in image.filled:
            hidden.add(f"that a model filled the value of {attribute}", image.name)
        yield image
