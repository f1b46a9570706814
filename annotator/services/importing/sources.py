"""Importing a source of any format: read it, understand its labels, take in its images and then its labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from annotator.domain.names import find_attribute
from annotator.domain.schema import Schema
from annotator.errors import WrongUse
from annotator.formats.import_formats import LABEL_FILES, READERS, find_label_files, recognise
from annotator.formats.importers import archive, table, video
from annotator.formats.importers.archive import ArchiveLimits
from annotator.formats.importers.base import Foreign
from annotator.formats.importers.mapping import Mapping
from annotator.formats.importers.translate import Meant, propose, understand
from annotator.formats.importers.video import VideoOptions
from annotator.formats.tools import class_folders
from annotator.imaging.image_files import Limits
from annotator.project import ProjectFolder
from annotator.services.importing.images import (
    ImportReport,
    Progress,
    SourceFile,
    check_sources,
    examine,
    find_files,
    record,
    take_in,
)
from annotator.services.importing.labels import LabelReport, Origin, import_rows
from annotator.services.importing.photos import take_in_photos
from annotator.services.importing.reports import write_report
from annotator.services.importing.scratch import import_room
from annotator.services.schema.active import active_schema

_SHOWN = 3


@dataclass(frozen=True)
class ImportOptions:
    """What the user asked for.

    Args:
        limits: what is refused before it is decoded.
        format: a name of `foreign_formats.FORMATS`, or auto.
        mapping: what foreign names mean.
        dry_run: say what would happen, change nothing.
        faces: photos and frames are cut into one image per head.
        as_opinions: labels are kept as opinions of a labeller named after the source, not as the truth.
        archives: what an archive may hold.
        video: which frames of a video are taken.
        between: called between two members of an archive or frames of a video; what it raises ends the import.
    """

    limits: Limits
    format: str = "auto"
    mapping: Mapping = field(default_factory=Mapping)
    dry_run: bool = False
    as_opinions: bool = False
    faces: bool = False
    archives: ArchiveLimits = field(default_factory=ArchiveLimits)
    video: VideoOptions = field(default_factory=VideoOptions)
    between: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Source:
    """Something to import, and its format. Folders and image files that are named together are one source."""

    paths: tuple[Path, ...]
    format: str

    @property
    def name(self) -> str:
        """As the user named it."""
        return ", ".join(str(path) for path in self.paths[:_SHOWN]) + (", …" if self.paths[_SHOWN:] else "")


@dataclass
class SourceReport:
    """What the import of one source did, or would do.

    `proposal`: after a dry run that met unknown names, a mapping guessed from them, and how often each occurs.
    """

    source: str
    format: str
    dry_run: bool = False
    images: ImportReport = field(default_factory=ImportReport)
    labels: LabelReport | None = None
    unmapped: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    proposal: tuple[Mapping, Counter[str]] | None = None

    @property
    def all_refused(self) -> bool:
        """Whether there were files, and not one could be taken."""
        images = self.images
        known = images.imported or images.already or images.duplicates
        return bool(images.refused) and not known and self.labels is None and not self.unmapped

    def as_dict(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "source": self.source,
            "format": self.format,
            "dry_run": self.dry_run,
            "images": self.images.as_dict(),
            "labels": asdict(self.labels) if self.labels else None,
            "unmapped": self.unmapped,
            "notes": self.notes,
        }


@dataclass
class _Read:
    """A source that was read: its files, what it says about them in its own words or in ours."""

    files: list[SourceFile]
    foreign: Foreign = field(default_factory=Foreign)
    meant: Meant = field(default_factory=Meant)


def find_sources(project: ProjectFolder, paths: list[Path], wanted: str = "auto") -> list[Source]:
    """What the paths are: folders and image files first, as one source, then every other by itself.

    Raises:
        WrongUse: if one does not exist, or there is no image file in the folders.
    """
    schema = _schema(project)
    formats = {path: _recognise(path, schema) if wanted == "auto" else wanted for path in paths}
    for path in paths:
        if not path.exists():
            raise WrongUse("no_source", f"{path} does not exist.", do="Name a folder or a file that exists.")
    folders = tuple(path for path, found in formats.items() if found == "folder")
    if folders:
        check_sources(list(folders))
    others = [Source((path,), found) for path, found in formats.items() if found != "folder"]
    return [Source(folders, "folder"), *others] if folders else others


def import_source(
    project: ProjectFolder, source: Source, options: ImportOptions, progress: Progress = lambda *_: None
) -> SourceReport:
    """Import one source, or say what would happen. Running it again takes in what is new.

    Raises:
        FacelabelError: if the source cannot be read, or none of its labels belongs to an image of the project.
    """
    report = SourceReport(source.name, source.format, options.dry_run)
    schema = _schema(project)
    with import_room(project) as room:
        read = _read(source, schema, options, room, report)
        report.unmapped = dict(read.meant.unmapped.most_common())
        if options.dry_run:
            _rehearse(project, read, options, report, progress)
            if report.unmapped or (report.labels and report.labels.left_aside):
                report.proposal = propose(read.foreign, schema)
        else:
            if read.files:
                take = take_in_photos if options.faces else take_in
                take(project, read.files, options.limits, report.images, progress)
            with project.database.write() as session:
                _import_labels(session, read, options, report)
    if not options.dry_run and not report.all_refused:
        write_report(project, report.as_dict())
    return report


def propose_mapping(
    project: ProjectFolder, source: Source, options: ImportOptions
) -> tuple[Mapping, Counter[str]]:
    """A mapping guessed from the names in a source, and how often each name occurs.

    Raises:
        FacelabelError: if the source cannot be read.
    """
    schema = _schema(project)
    if source.format == "table":
        return propose(table.read(source.paths[0]), schema)
    with import_room(project) as room:
        report = SourceReport(source.name, source.format)
        return propose(_read(source, schema, options, room, report).foreign, schema)


def _schema(project: ProjectFolder) -> Schema:
    with project.database.read() as session:
        return active_schema(session).schema


def _recognise(path: Path, schema: Schema) -> str:
    """The format of a source; class folders are recognised by the schema's attributes."""
    found = recognise(path)
    if found == "folder" and (trees := class_folders.trees(path)):
        return "class_folders" if all(find_attribute(schema, tree) for tree in trees) else found
    return found


def _read(source: Source, schema: Schema, options: ImportOptions, room: Path, report: SourceReport) -> _Read:
    """Read a source; what has to be unpacked goes to the room."""
    path = source.paths[0]
    if source.format == "folder":
        report.notes += [
            f"{file.name} may hold labels ({form}): import it by itself, after the images."
            for folder in source.paths
            if folder.is_dir()
            for file, form in find_label_files(folder).items()
        ]
        return _Read(list(find_files(list(source.paths), report.images)))
    if source.format == "archive":
        return _read_archive(path, schema, options, room, report)
    if source.format == "table":
        rows = table.read_table(path, schema, options.mapping)
        report.labels = LabelReport(left_aside=rows.left_aside, notes=rows.notes)
        foreign = table.read(path) if options.dry_run else Foreign()  # for a proposal
        return _Read([], foreign, Meant(rows.rows))
    foreign = (
        video.read(path, room, options.video, options.between)
        if source.format == "video"
        else READERS[source.format].read(path)
    )
    report.images.refused += foreign.refused
    report.images.left_aside += foreign.left_aside
    report.notes += foreign.notes
    files = [
        SourceFile(image.path, image.name, path.resolve().name, image.group, image.original_path, image.face)
        for image in foreign.images
        if image.path is not None
    ]
    return _Read(files, foreign, understand(foreign, schema, options.mapping))


def _read_archive(
    path: Path, schema: Schema, options: ImportOptions, room: Path, report: SourceReport
) -> _Read:
    """Unpack an archive and read what is in it, whatever format that has."""
    unpacked = room / "unpacked"
    unpacked.mkdir()
    refused, left_aside = archive.unpack(path, unpacked, options.archives, options.between)
    report.images.refused += refused
    report.images.left_aside += left_aside
    inside = _single(unpacked)
    found = Source((inside,), _recognise(inside, schema))
    labelled = [item for item in find_label_files(inside).items() if item[1] in LABEL_FILES]
    if found.format == "folder" and len(labelled) == 1:
        read = _read_labelled(inside, *labelled[0], schema, options, room, report)
    else:
        report.format = f"archive of {found.format}"
        read = _read(found, schema, options, room, report)
    read.files = [replace(file, source=path.name) for file in read.files]
    return read


def _read_labelled(
    folder: Path,
    file: Path,
    form: str,
    schema: Schema,
    options: ImportOptions,
    room: Path,
    report: SourceReport,
) -> _Read:
    """A folder of images with the one file of their labels, which calls them by their names below `images/`."""
    report.format = f"archive of {form} with its images"
    read = _read(Source((file,), form), schema, options, room, report)
    images = find_files([folder], report.images)
    read.files = [replace(image, name=image.name.removeprefix("images/")) for image in images]
    report.images.left_aside -= 1  # the file itself
    return read


def _single(folder: Path) -> Path:
    """The one thing in an unpacked archive, if it is but one: archives of a folder hold that folder."""
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def _import_labels(session: Session, read: _Read, options: ImportOptions, report: SourceReport) -> None:
    if not read.meant.rows and not read.meant.contradictions:
        return
    report.labels = report.labels or LabelReport()
    report.labels.contradictions += read.meant.contradictions
    origin = Origin(Path(report.source).name, options.as_opinions, report.images.hashes)
    import_rows(session, read.meant.rows, origin, report.labels)


class _RehearsedError(Exception):
    """Ends a rehearsal, so that its transaction is rolled back."""


def _rehearse(
    project: ProjectFolder, read: _Read, options: ImportOptions, report: SourceReport, progress: Progress
) -> None:
    """Do in one transaction what the import would do, and take it back."""
    examined = examine(read.files, options.limits, progress) if read.files else []
    with suppress(_RehearsedError), project.database.write() as session:
        record(session, examined, report.images)
        session.flush()
        _import_labels(session, read, options, report)
        raise _RehearsedError
