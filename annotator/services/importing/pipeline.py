"""The import of one source: read it, translate its labels, commit both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from annotator.domain.schema import Schema
from annotator.files import require_room
from annotator.formats.importers.mapping import Mapping
from annotator.project import ProjectFolder
from annotator.services.importing.commit import commit_source, rehearse_source
from annotator.services.importing.images import Progress
from annotator.services.importing.photos import survey_heads
from annotator.services.importing.read import ReadSource, read_source
from annotator.services.importing.report_files import write_report
from annotator.services.importing.reports import ImageReport, SourceReport
from annotator.services.importing.scratch import scratch_folder
from annotator.services.importing.sources import ImportOptions, Source
from annotator.services.importing.translate import folder_notes, propose_translation, translate_source
from annotator.services.schema.active import active_schema


def import_source(
    project: ProjectFolder,
    source: Source,
    options: ImportOptions,
    progress: Progress = lambda *_: None,
    on_read: Callable[[ReadSource, Schema], None] = lambda *_: None,
) -> SourceReport:
    """Import one source, or report what would happen. Importing it again takes only what is new.

    Args:
        project: the project.
        source: the source.
        options: how it is imported.
        progress: is told the progress.
        on_read: is called with the source when it was read and before its labels are translated.

    Raises:
        FacelabelError: if the source cannot be read, or none of its labels belongs to an image of the project.
    """
    schema = _schema(project)

    def check() -> None:
        options.check_stop()
        require_room(project.path, 0, options.limits.reserve_bytes)

    with scratch_folder(project) as scratch:
        read = read_source(source, schema, replace(options, check_stop=check), scratch)
        on_read(read, schema)
        translation = translate_source(read, schema, options.mapping)
        heads = None
        if options.choose_heads:
            heads = survey_heads(project, read, options.limits, progress)
            options = replace(options, faces=options.choose_heads(heads))
        report = SourceReport(
            source.name,
            read.format,
            options.dry_run,
            ImageReport(
                found=read.found,
                duplicates=list(read.copies),
                refused=list(read.refused),
                ignored=dict(read.ignored.counts.most_common()),
                frames=len(read.files) if source.format == "video" else 0,
            ),
            unmapped=dict(translation.unmapped.most_common()),
            unread=list(read.unread),
            heads=heads,
            notes=read.notes + read.ignored.notes() + folder_notes(read, schema),
        )
        run = rehearse_source if options.dry_run else commit_source
        run(project, read, translation, options, report, progress)
        if not options.dry_run:
            project.database.refresh_statistics()
        if options.dry_run and (report.unmapped or translation.ignored_columns):
            report.proposal = propose_translation(read, schema, options.mapping)
    if not options.dry_run and not report.all_refused:
        write_report(project, report.as_dict(), options.mapping)
    report.images.check()
    return report


def propose_mapping(
    project: ProjectFolder, source: Source, options: ImportOptions
) -> tuple[Mapping, Counter[str]]:
    """Guess a mapping from the names in a source; also returns how often each name occurs.

    Raises:
        FacelabelError: if the source cannot be read.
    """
    schema = _schema(project)
    with scratch_folder(project) as scratch:
        return propose_translation(read_source(source, schema, options, scratch), schema, options.mapping)


def _schema(project: ProjectFolder) -> Schema:
    with project.database.read() as session:
        return active_schema(session).schema
