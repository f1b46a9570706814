"""The worker's part of an upload: run or rehearse its import, and record the progress and the result."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from annotator.config import Settings
from annotator.domain.schema import Schema
from annotator.errors import DatabaseUnreachable, FacelabelError
from annotator.formats.importers.archives.unpacking import ArchiveLimits
from annotator.formats.importers.mapping import Mapping
from annotator.formats.importers.video import VideoOptions
from annotator.imaging.image_files import Limits
from annotator.models import Import
from annotator.project import ProjectFolder
from annotator.services.common.claims import claimed
from annotator.services.common.job_queue import StoppedError, failures_recorded, has_unfinished
from annotator.services.importing.inspection.inspect_source import inspect_source
from annotator.services.importing.inspection.store import keep_inspection
from annotator.services.importing.jobs import (
    ImportRequest,
    claim_import,
    end_import,
    release_import,
    report_import,
)
from annotator.services.importing.pipeline import import_source, propose_mapping
from annotator.services.importing.read import ReadSource
from annotator.services.importing.report_preview import preview
from annotator.services.importing.sources import ImportOptions, Source, find_sources
from annotator.services.importing.uploads import remove_upload, upload_folder

_REPORT_SECONDS = 0.25
_ASKED = {"bad_table", "missing_column", "undecided_column"}
"""Errors of tables that a mapping may solve."""

_CHOOSE = "Choose what they mean: on the import page, or in the mapping that is proposed."


def run_next_import(
    project: ProjectFolder,
    settings: Settings,
    stopped: Callable[[], bool],
    begin: Callable[[], None] = lambda: None,
) -> bool:
    """Run the oldest unfinished import, unless another worker runs one; return whether it did.

    Imports run one after the other, because a table of labels may be about the images of the import before it. When
    `stopped` returns true, the import ends before the next image, archive member or video frame, and the next worker continues
    it. That worker unpacks an archive, or decodes a video, from the start.
    """
    with project.database.read() as session:
        if not has_unfinished(session, Import):
            return False
    with claimed(project, "import") as held:
        if held is None:
            return False
        with project.database.write() as session:
            row = claim_import(session, settings.round_attempts)
        if row is not None:
            begin()
            _run_claimed(project, settings, row, stopped)
        return row is not None


def _run_claimed(
    project: ProjectFolder, settings: Settings, row: Import, stopped: Callable[[], bool]
) -> None:
    folder = upload_folder(project, row.id)

    def give_back() -> None:
        with project.database.write() as session:
            release_import(session, row.id)

    def fail(error: str) -> None:
        with project.database.write() as session:
            end_import(session, row.id, error=error.replace(f"{folder}/", ""))

    log = project.imports / f"error-{row.id:06d}.log"
    with failures_recorded(project.path, log, "What was imported before is kept.", give_back, fail):
        progress = _Progress(project, row.id, stopped)
        options = _options(settings, row, progress.check)
        _run(project, row, folder / row.name, options, progress)


def _run(
    project: ProjectFolder, row: Import, path: Path, options: ImportOptions, progress: _Progress
) -> None:
    def inspect(read: ReadSource, schema: Schema) -> None:
        if options.dry_run:
            inspection = inspect_source(project, read, schema, options.mapping, options.limits)
            keep_inspection(path.parent, inspection)

    [source] = find_sources(project, [path], options.format, options.mapping)
    try:
        report = import_source(project, source, options, progress, inspect)
    except DatabaseUnreachable:
        raise
    except FacelabelError as error:
        # One unknown value refuses a whole table; a mapping would help.
        is_asked = source.format == "table" and error.code in _ASKED
        proposed = _propose(project, source, options) if is_asked else None
        with project.database.write() as session:
            text = f"{error.what}\n{_CHOOSE}" if proposed else str(error)
            end_import(session, row.id, error=text.replace(f"{path.parent}/", ""), proposed=proposed)
        return
    proposed = _text_of(*report.proposal) if report.proposal else None
    refusal = None
    if report.all_refused and not options.dry_run:
        refusal = f"None of the {len(report.images.refused)} files could be imported. Nothing was changed."
    with project.database.write() as session:
        end_import(session, row.id, error=refusal, report=preview(report, row.name), proposed=proposed)
    if not options.dry_run and refusal is None:
        remove_upload(project, row.id)


def _options(settings: Settings, row: Import, check_stop: Callable[[], None]) -> ImportOptions:
    request = ImportRequest(**row.options)
    return ImportOptions(
        limits=Limits(settings.max_pixels, settings.max_file_bytes, settings.reserve_bytes),
        format=request.format,
        mapping=Mapping.parse(request.mapping, "of this import"),
        dry_run=row.dry_run,
        as_opinions=request.opinions,
        faces=request.faces and not row.dry_run,
        # A dry run of the page tells what it would choose; the import does what was chosen.
        choose_heads=(lambda _: False) if settings.faces and row.dry_run else None,
        archives=ArchiveLimits(member_bytes=settings.max_file_bytes, reserve_bytes=settings.reserve_bytes),
        names_encoding=request.names_encoding,
        video=VideoOptions(request.fps, max_pixels=settings.max_pixels),
        restore_erased=request.restore_erased,
        check_stop=check_stop,
    )


def _propose(project: ProjectFolder, source: Source, options: ImportOptions) -> str | None:
    try:
        return _text_of(*propose_mapping(project, source, options))
    except FacelabelError:
        return None


def _text_of(mapping: Mapping, counts: Counter[str]) -> str | None:
    """The text of a proposed mapping; None if there is nothing to map."""
    return mapping.text(counts) if mapping.columns or mapping.labels or mapping.readings else None


class _Progress:
    """Records the progress of an import, a few times a second at most, and ends an import that must stop."""

    def __init__(self, project: ProjectFolder, number: int, stopped: Callable[[], bool]) -> None:
        self._project, self._number, self._stopped = project, number, stopped
        self._last = 0.0

    def check(self) -> None:
        """End the import if the worker must stop.

        Raises:
            StoppedError: if it must.
        """
        if self._stopped():
            raise StoppedError

    def __call__(self, done: int, total: int) -> None:
        self.check()
        if done == total or time.monotonic() - self._last >= _REPORT_SECONDS:
            with self._project.database.write() as session:
                report_import(session, self._number, done, total)
            self._last = time.monotonic()
