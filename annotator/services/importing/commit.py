"""Committing a source that was read and translated: its image files first, then its labels. Or only rehearsing it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from sqlalchemy.orm import Session

from annotator.formats.importers.translate import Translation
from annotator.project import ProjectFolder
from annotator.services.importing.image_rows import ErasedFilter, record_images
from annotator.services.importing.images import Progress, examine_files, import_files
from annotator.services.importing.labels import LabelSource, import_rows
from annotator.services.importing.photos import import_head_crops
from annotator.services.importing.read import ReadSource
from annotator.services.importing.reports import LabelReport, SourceReport
from annotator.services.importing.sources import ImportOptions


def commit_source(
    project: ProjectFolder,
    read: ReadSource,
    translation: Translation,
    options: ImportOptions,
    report: SourceReport,
    progress: Progress,
) -> None:
    """Import the image files and the labels of a source.

    Raises:
        FacelabelError: if no label belongs to an image of the project; the images are imported by then.
    """
    if read.files:
        store = import_head_crops if options.faces else import_files
        store(project, read.files, options.limits, report.images, progress, restore=options.restore_erased)
    with project.database.write() as session:
        _import_labels(session, read, translation, options, report)


class _RehearsedError(Exception):
    """Ends a rehearsal, so that its transaction is rolled back."""


def rehearse_source(
    project: ProjectFolder,
    read: ReadSource,
    translation: Translation,
    options: ImportOptions,
    report: SourceReport,
    progress: Progress,
) -> None:
    """Do what the import would do in one transaction, and roll it back.

    Raises:
        FacelabelError: if no label belongs to an image of the project.
    """
    examined = examine_files(read.files, options.limits, progress) if read.files else []
    with suppress(_RehearsedError), project.database.write() as session:
        erased = ErasedFilter(project, report.images, restore=options.restore_erased)
        record_images(session, erased.rest_of(session, examined, final=True), report.images)
        session.flush()
        _import_labels(session, read, translation, options, report)
        raise _RehearsedError


def _import_labels(
    session: Session,
    read: ReadSource,
    translation: Translation,
    options: ImportOptions,
    report: SourceReport,
) -> None:
    if read.table is None and not translation.rows and not translation.contradictions:
        return
    report.labels = LabelReport(
        contradictions=list(translation.contradictions),
        left_aside=list(translation.ignored_columns),
        notes=list(translation.notes),
    )
    source = LabelSource(
        Path(report.source).name,
        options.as_opinions,
        read.hashes | report.images.hashes,
        tuple(image.name for image in read.contents.images),
        with_images=bool(read.files) and not options.dry_run,
    )
    import_rows(session, translation.rows, source, report.labels)
