"""import: folders, archives, videos, other tools' exports, tables, predictions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from annotator.cli.terminal import (
    Every,
    Function,
    Number,
    ProgressBar,
    errors,
    json_option,
    one_line,
    open_project,
    print_json,
    progress_bar,
    project_option,
)
from annotator.config import Settings
from annotator.domain.plurals import counted
from annotator.domain.plurals import counted as with_noun
from annotator.domain.timestamps import every_text
from annotator.errors import FacelabelError, WrongUse
from annotator.formats.import_formats import FORMATS
from annotator.formats.importers.archives.names import NAME_ENCODINGS
from annotator.formats.importers.archives.unpacking import ArchiveLimits
from annotator.formats.importers.mapping import Mapping
from annotator.formats.importers.video import VideoOptions
from annotator.imaging.image_files import Limits
from annotator.project import ProjectFolder
from annotator.services.importing.bucket.addresses import end_watch, watch_address
from annotator.services.importing.bucket.linked import import_linked
from annotator.services.importing.bucket.objects import lost_objects
from annotator.services.importing.bucket.seen import SeenObjects
from annotator.services.importing.pipeline import import_source, propose_mapping
from annotator.services.importing.report_texts import heads_text, image_texts, unmatched_texts
from annotator.services.importing.reports import HeadSurvey, ImageReport, LabelReport, SourceReport
from annotator.services.importing.sources import ImportOptions, Source, find_sources
from annotator.store.bucket import check_url

_SHOWN = 20


def heads_option(function: Function) -> Function:
    """Add the options --faces and --no-faces; the command gets them as `faces`, None if neither is used."""
    return click.option(
        "--faces/--no-faces",
        default=None,
        help="Cut photos into one image per head; the project keeps the photos.  [default: looks at some photos first]",
    )(function)


@click.command("import")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=str)
@click.option(
    "--format", "form", type=click.Choice(["auto", *FORMATS]), default="auto", show_default=True,
    help="The format of the sources.",
)  # fmt: skip
@click.option(
    "--map", "mapping", type=click.Path(path_type=Path, dir_okay=False),
    help="A mapping file, which translates the sources' columns, values and labels.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Report what would happen, and change nothing.")
@click.option(
    "--map-out", type=click.Path(path_type=Path, dir_okay=False),
    help="With --dry-run: write a proposed mapping to this file, to edit and use with --map.",
)  # fmt: skip
@click.option(
    "--as", "counted", type=click.Choice(["truth", "opinions"]), default="truth", show_default=True,
    help="truth: a label counts unless a person answered the cell; opinions: labels are one labeller's opinions.",
)  # fmt: skip
@click.option(
    "--fps", type=Number(0.001, 1000), default=1.0, show_default=True,
    help="Frames to take per second of a video.",
)  # fmt: skip
@click.option(
    "--turn", type=click.Choice(["auto", "0", "90", "180", "270"]), default="auto", show_default=True,
    help="Degrees to turn a video's frames clockwise; auto: as stored in the file.",
)  # fmt: skip
@click.option("--drop-blurred", is_flag=True, help="Skip blurred frames of a video.")
@click.option(
    "--names-encoding", type=click.Choice(NAME_ENCODINGS), default="auto", show_default=True,
    help="The encoding of file names in an archive that does not say it.",
)  # fmt: skip
@heads_option
@click.option("--drop-similar", is_flag=True, help="Skip frames of a video that look like the previous one.")
@click.option("--restore-erased", is_flag=True, help="Also import images that were erased for good.")
@click.option(
    "--watch", type=Every(),
    help="Let the worker import what is new at an address such as s3://bucket/photos every 15m, 12h, 1d …; off ends that.",
)  # fmt: skip
@project_option
@json_option
def import_command(
    sources: tuple[str, ...], form: str, mapping: Path | None, dry_run: bool, map_out: Path | None,
    counted: str, fps: float, turn: str, drop_blurred: bool, drop_similar: bool, names_encoding: str, faces: bool | None,
    restore_erased: bool, watch: timedelta | None, project: Path, as_json: bool,
) -> None:  # fmt: skip
    """Import images and labels from folders, archives, videos, tables and other tools' exports.

    SOURCE may also be a folder of predictions, or an address such as s3://bucket/photos, whose images are not copied.
    Importing the same source again changes nothing.
    """
    if map_out is not None and not dry_run:
        raise click.UsageError("--map-out needs --dry-run.")
    if faces and dry_run:
        raise click.UsageError("--faces and --dry-run cannot be combined.")
    urls = [source for source in sources if "://" in source]
    paths = [Path(source) for source in sources if source not in urls]
    _check_addresses(urls, paths, watch, as_found=not (dry_run or faces or mapping) and form == "auto")
    opened = open_project(project)
    if watch == timedelta():
        _end_watch(opened, urls)
        return
    predictions = [path for path in paths if (path / "predictions.arrow").is_file()]
    mapped = Mapping.read(mapping) if mapping else Mapping()
    described = find_sources(opened, [path for path in paths if path not in predictions], form, mapped)
    if mapping is not None and all(source.format == "folder" for source in described):
        raise click.UsageError("--map needs a source with labels.")
    settings = Settings()
    options = ImportOptions(
        limits=Limits(settings.max_pixels, settings.max_file_bytes, settings.reserve_bytes),
        mapping=mapped,
        dry_run=dry_run,
        faces=bool(faces),
        as_opinions=counted == "opinions",
        restore_erased=restore_erased,
        archives=ArchiveLimits(member_bytes=settings.max_file_bytes, reserve_bytes=settings.reserve_bytes),
        names_encoding=names_encoding,
        video=VideoOptions(
            fps, None if turn == "auto" else int(turn), drop_blurred, drop_similar, settings.max_pixels
        ),
    )
    if map_out is not None:
        _write_proposal(opened, described, options, map_out)
    chooser = _ask if sys.stdin.isatty() and sys.stderr.isatty() and not as_json else _suggest
    choose = chooser if faces is None and settings.faces and _only_photos(described) else None
    result = {
        "images" if source.format == "folder" else source.name: _import(
            opened, source, options, verbose=not as_json, choose=choose
        )
        for source in described
    }
    for url in urls:
        result[url] = _import_linked(opened, url, options, watch, verbose=not as_json)
    for folder in predictions:
        result[str(folder)] = _load_predictions(opened, folder, dry_run=dry_run, verbose=not as_json)
    if as_json:
        print_json(result)


def run_image_import(project: ProjectFolder, folders: list[Path], *, faces: bool | None = False) -> None:
    """Import images with a progress bar, and print each refused file.

    Args:
        project: the project.
        folders: the sources.
        faces: cut out heads; None: as a look at the photos recommends.

    Raises:
        FacelabelError: if every file was refused.
    """
    settings = Settings()
    options = ImportOptions(
        Limits(settings.max_pixels, settings.max_file_bytes, settings.reserve_bytes), faces=bool(faces)
    )
    sources = find_sources(project, folders)
    choose = _cut_if_recommended if faces is None and settings.faces and _only_photos(sources) else None
    for source in sources:
        _import(project, source, options, verbose=True, choose=choose)


Choice = Callable[[HeadSurvey, ProgressBar], bool]
"""Decides whether heads are cut out of photos that were looked at."""


def _only_photos(sources: list[Source]) -> bool:
    """Whether no label file was named: labels belong to photos as a whole."""
    return all(source.format in {"folder", "archive", "video"} for source in sources)


def _cut_if_recommended(heads: HeadSurvey, progress: ProgressBar) -> bool:
    del progress
    if heads.recommended:
        errors.print(
            f"{heads_text(heads)}: heads are cut out. --no-faces imports photos whole.", markup=False
        )
    return heads.recommended


def _ask(heads: HeadSurvey, progress: ProgressBar) -> bool:
    return heads.recommended and progress.confirm(f"{heads_text(heads)}. Cut out heads?")


def _suggest(heads: HeadSurvey, progress: ProgressBar) -> bool:
    del progress
    if heads.recommended:
        errors.print(
            f"{heads_text(heads)}: cut out heads? Recommended: --faces. Without it, photos are imported whole.",
            markup=False,
        )
    return False


def _import(
    project: ProjectFolder,
    source: Source,
    options: ImportOptions,
    *,
    verbose: bool,
    choose: Choice | None = None,
) -> dict[str, Any]:
    def activity(*, faces: bool) -> str:
        return "examining images" if options.dry_run else "cutting photos" if faces else "importing images"

    def choose_heads(heads: HeadSurvey | None) -> bool:
        faces = heads is not None and choose is not None and choose(heads, progress)
        progress.restart(activity(faces=faces))
        return faces

    with progress_bar("looking at photos" if choose else activity(faces=options.faces)) as progress:
        if choose:
            options = replace(options, choose_heads=choose_heads)
        report = import_source(project, source, options, progress)
    if verbose:
        _print_report(source, report)
    images = report.images
    if report.all_refused:
        name, reason = images.refused[0]
        raise FacelabelError(
            "all_refused",
            f"None of the {len(images.refused)} files could be imported; the first: {one_line(name)} {reason}.",
            do="Name a folder with images.",
        )
    whole = report.as_dict()
    return (
        images.as_dict() | {k: whole[k] for k in ("notes", "heads")} if source.format == "folder" else whole
    )


def _import_linked(
    project: ProjectFolder, url: str, options: ImportOptions, watch: timedelta | None, *, verbose: bool
) -> dict[str, Any]:
    """Import what is at an address, and let the worker watch it if the user wants that: only an address that works is watched."""
    url = check_url(url)
    seen = SeenObjects(project, url, forget=True) if watch else None
    with progress_bar("importing images") as progress:
        report, objects = import_linked(
            project, url, options.limits, progress, restore=options.restore_erased, seen=seen
        )
    if watch:
        lost = lost_objects(project, url, objects)
        with project.database.write() as session:
            watch_address(session, url, watch, report, lost)
    if verbose:
        click.echo(
            f"{url}: {report.imported:,} images imported, {report.already:,} were here, without a copy of their files"
        )
        for name, reason in report.refused[:_SHOWN]:
            click.echo(f"  {one_line(name)} {reason}", err=True)
        if len(report.refused) > _SHOWN:
            click.echo(f"  and {len(report.refused) - _SHOWN:,} more", err=True)
        if watch:
            click.echo(
                f"The worker imports what is new there every {every_text(int(watch.total_seconds()))}."
            )
    return report.as_dict()


def _check_addresses(urls: list[str], paths: list[Path], watch: timedelta | None, *, as_found: bool) -> None:
    if urls and not as_found:
        raise click.UsageError("--dry-run, --faces, --map and --format cannot be used with an address.")
    if watch is not None and (paths or not urls):
        raise click.UsageError("--watch needs addresses such as s3://bucket/photos, and no other source.")


def _end_watch(project: ProjectFolder, urls: list[str]) -> None:
    for url in map(check_url, urls):
        with project.database.write() as session:
            end_watch(session, url)
        click.echo(f"The worker lists {url} no longer. Its images stay.")


def _load_predictions(
    project: ProjectFolder, folder: Path, *, dry_run: bool, verbose: bool
) -> dict[str, Any]:
    if dry_run:
        raise click.UsageError("--dry-run cannot be used with predictions; loading them changes no labels.")
    from annotator.services.rounds.loading import import_predictions  # noqa: PLC0415 - it imports pyarrow

    loaded = import_predictions(project, folder)
    if verbose:
        click.echo(
            f"{folder}: {counted(loaded.rows, 'image', 'images')} predicted, {loaded.unknown:,} of them not in the project"
        )
        for attribute, reason in loaded.kept.items():
            click.echo(f"  earlier predictions still suggest {attribute}: {reason}")
        if not loaded.ordered:
            click.echo("  the order of the queue stays, because these predictions answer fewer attributes")
    return asdict(loaded)


def _write_proposal(
    project: ProjectFolder, sources: list[Source], options: ImportOptions, path: Path
) -> None:
    labelled = [source for source in sources if source.format != "folder"] or sources
    if len(labelled) != 1 or len(labelled[0].paths) != 1:
        raise click.UsageError("--map-out needs exactly one source with labels.")
    if path.exists():
        raise WrongUse("exists", f"{path} exists already and is not overwritten.", do="Name another file.")
    mapping, counts = propose_mapping(project, labelled[0], options)
    mapping.write(path, counts)
    errors.print(
        f"{len(mapping.columns) + len(mapping.labels) + len(mapping.readings)} names need a mapping: {path} proposes one. "
        "Check it and use it with --map.",
        markup=False,
    )


def _print_report(source: Source, report: SourceReport) -> None:
    would = "would be " if report.dry_run else ""
    if source.format != "table":
        _print_images(report.images, would, dry_run=report.dry_run)
    if source.format != "folder":
        click.echo(f"{source.name}: read as {report.format}")
    for note in report.notes:
        errors.print(f"{source.name}: {one_line(note)}", markup=False)
    _print_list("not read: {} {}", report.unread, "parts of the label file that were not read")
    if report.labels is not None:
        _print_labels(source.paths[0].name, report.labels, would)
    _print_list(
        "no counterpart here: {} ({} times)", list(report.unmapped.items()), "labels without counterpart"
    )
    if report.unmapped:
        errors.print(
            f"{with_noun(len(report.unmapped), 'label has', 'labels have')} no counterpart and "
            f"{'was' if len(report.unmapped) == 1 else 'were'} ignored. "
            "`--dry-run --map-out FILE` proposes a mapping, --map FILE uses it.",
            markup=False,
        )


def _print_images(images: ImageReport, would: str, *, dry_run: bool) -> None:
    for name, reason in images.refused:
        errors.print(f"refused: {one_line(name)} {reason}", markup=False)
    _print_list("the same image: {} is {}", images.duplicates, "duplicates")
    _print_list("renamed: {} is now {}, another image has its name", images.renamed, "renamed images")
    for text in image_texts(images, dry_run=dry_run):
        click.echo(one_line(text))
    if images.faces:
        click.echo(f"{counted(images.faces, 'face', 'faces')} {would}imported from the source.")
    for name, note in list(images.notes.items())[:_SHOWN]:
        errors.print(f"note: {one_line(name)}: {note}", markup=False)
    if len(images.notes) > _SHOWN:
        errors.print(
            f"and {len(images.notes) - _SHOWN} more notes about files; --json lists all", markup=False
        )
    if images.misfits:
        names = ", ".join(map(one_line, images.misfits[:_SHOWN]))
        errors.print(
            f"{counted(len(images.misfits), 'image has faces', 'images have faces')} in the source that lie outside it or belong to other bytes; these faces were ignored: {names}",
            markup=False,
        )


def _print_list(form: str, entries: Sequence[tuple[object, object]], what: str) -> None:
    """Print the first entries, a line each, and how many more there are."""
    for first, second in entries[:_SHOWN]:
        errors.print(form.format(one_line(str(first)), one_line(str(second))), markup=False)
    if len(entries) > _SHOWN:
        errors.print(f"and {len(entries) - _SHOWN:,} more {what}", markup=False)


def _print_labels(name: str, report: LabelReport, would: str) -> None:
    for note in report.notes:
        errors.print(f"{name}: {note}", markup=False)
    click.echo(
        f"{name}: {with_noun(report.rows, 'row', 'rows')}, {with_noun(report.added, 'label', 'labels')} {would}added, "
        f"{report.replaced} replaced, "
        f"{report.unchanged} unchanged, {report.kept} differ from a person's answer, which stays."
    )
    for attribute, values in report.values.items():
        listed = list(values.items())[:_SHOWN]
        counts = ", ".join(f"{one_line(value)} {count}" for value, count in listed)
        click.echo(f"  {attribute}: {counts}{', …' if len(values) > _SHOWN else ''}")
    for text in unmatched_texts(report):
        errors.print(f"{name}: {one_line(text)}", markup=False)
    _print_list("contradiction: {} has two different answers for {}", report.contradictions, "contradictions")
    if report.left_aside:
        errors.print(f"ignored columns: {', '.join(map(one_line, report.left_aside))}", markup=False)
