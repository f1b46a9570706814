"""A dataset leaves in the format of another tool: read from one consistent state, written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from annotator.errors import NotFound, WrongUse
from annotator.formats.export_formats import EXPORT_FORMATS
from annotator.formats.exporters.base import Export, Loss, new_folder
from annotator.formats.snapshot.images import SnapshotImage
from annotator.formats.snapshot.writer import ImageMode
from annotator.project import ProjectFolder
from annotator.services.exporting.snapshots import read_images, remove_leftovers
from annotator.services.schema.active import read_schema


@dataclass
class ExportReport:
    """What was written, and what the format could not hold: per reason its count and the first names."""

    path: str
    format: str
    images: int = 0
    labels: int = 0
    lost: list[Loss] = field(default_factory=list)


def export_as(
    project: ProjectFolder, form: str, to: Path | None = None, images: ImageMode | None = None
) -> ExportReport:
    """Write the dataset into a new folder in one of EXPORT_FORMATS.

    Args:
        project: the project.
        form: a name of EXPORT_FORMATS.
        to: the folder to make; without it a new one in the project's `exports`.
        images: whether the image files come along; without it what the format usually needs.

    Raises:
        WrongUse: if there is no such format.
        FacelabelError: if the folder exists or cannot be written, or the format would say something else than the
            labels do; nothing is left behind then.
    """
    if form not in EXPORT_FORMATS:
        raise WrongUse(
            "unknown_format",
            f"There is no format {form!r}.",
            do=f"Choose one of {', '.join(EXPORT_FORMATS)}.",
        )
    remove_leftovers(project.exports)
    way = EXPORT_FORMATS[form]
    folder = to or project.exports / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{form}"
    report = ExportReport(str(folder), form)
    with project.database.read() as session, new_folder(folder) as unfinished:
        rows = _counted(read_images(session), report)
        export = Export(read_schema(session, people=True), rows, project.images, images or way.images)
        report.lost = way.write(unfinished, export).as_list()
    return report


def export_folder(project: ProjectFolder, name: str) -> tuple[Path, str]:
    """An export inside the project: its folder and its format.

    Raises:
        NotFound: if there is none of this name.
    """
    form = name.rpartition("-")[2]
    known = {path.name for path in project.exports.glob("[!.]*") if path.is_dir()}
    if name not in known or form not in EXPORT_FORMATS:
        raise NotFound("unknown_export", f"The project has no export {name!r}.", do="Make it again.")
    return project.exports / name, form


def _counted(images: Iterator[SnapshotImage], report: ExportReport) -> Iterator[SnapshotImage]:
    for image in images:
        report.images += 1
        report.labels += len(image.labels)
        yield image
