"""import, export, verify."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from annotator.cli.terminal import (
    errors,
    json_option,
    one_line,
    open_project,
    print_json,
    progress_bar,
    project_option,
)
from annotator.config import Settings
from annotator.errors import FacelabelError
from annotator.formats.image_files import Limits
from annotator.formats.snapshot import ImageMode, SnapshotOptions, verify_snapshot
from annotator.formats.table import Mapping
from annotator.formats.ways_out import WAYS_OUT
from annotator.project import ProjectFolder
from annotator.services.exports import ExportReport, export_as
from annotator.services.images import ImportReport, import_images
from annotator.services.label_import import LabelReport, import_labels
from annotator.services.photo_import import import_photos
from annotator.services.predictions import bring_predictions
from annotator.services.snapshots import export_snapshot


@click.command("import")
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--map",
    "mapping",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A mapping file for a CSV's columns and values.",
)
@click.option(
    "--faces", is_flag=True, help="Cut photos into one image per head; the photos are kept in the project."
)
@project_option
@json_option
def import_command(
    sources: tuple[Path, ...], mapping: Path | None, faces: bool, project: Path, as_json: bool
) -> None:
    """Import folders of images, image files, labels from .csv files, predictions folders. Safe to run again."""
    opened = open_project(project)
    tables = [source for source in sources if source.suffix.lower() == ".csv" and not source.is_dir()]
    predictions = [source for source in sources if (source / "predictions.arrow").is_file()]
    folders = [source for source in sources if source not in [*tables, *predictions]]
    if mapping is not None and not tables:
        raise click.UsageError("--map is for .csv files, and none is named.")
    result = {}
    if folders:
        result["images"] = asdict(run_image_import(opened, folders, faces=faces, say=not as_json))
    for table in tables:
        report = import_labels(opened, table, Mapping.read(mapping) if mapping else None)
        result[str(table)] = asdict(report)
        if not as_json:
            _tell_labels(table, report)
    for folder in predictions:
        loaded = bring_predictions(opened, folder)
        result[str(folder)] = asdict(loaded)
        if not as_json:
            click.echo(f"{folder}: {loaded.rows} images predicted, {loaded.unknown} of them unknown here")
    if as_json:
        print_json(result)


def run_image_import(
    project: ProjectFolder, folders: list[Path], *, faces: bool = False, say: bool = True
) -> ImportReport:
    """Import images, or the heads in them, with a progress bar and a line for each refused file.

    Raises:
        FacelabelError: if every file was refused.
    """
    settings = Settings()
    limits = Limits(settings.max_pixels, settings.max_file_bytes)
    with progress_bar("cutting photos" if faces else "importing images") as progress:
        report = (import_photos if faces else import_images)(project, folders, limits, progress)
    if say:
        for name, reason in report.refused:
            errors.print(f"refused: {one_line(name)} {reason}", markup=False)
        for name, other in report.duplicates:
            errors.print(f"the same image: {one_line(name)} is {one_line(other)}", markup=False)
        for name, other in report.renamed:
            now = f"{one_line(name)} is now {one_line(other)}"
            errors.print(f"renamed: {now}, another image has its name", markup=False)
        click.echo(
            f"{report.imported} images imported, {report.already} were here already, {len(report.duplicates)} are "
            f"duplicates, {len(report.refused)} refused, {report.left_aside} other files left aside."
        )
    if report.refused and not (report.imported or report.already or report.duplicates):
        raise FacelabelError(
            "all_refused",
            f"None of the {len(report.refused)} files could be imported; the first: {one_line(report.refused[0][0])} {report.refused[0][1]}.",
            do="Name a folder with images.",
        )
    return report


def _tell_labels(table: Path, report: LabelReport) -> None:
    click.echo(
        f"{table.name}: {report.rows} rows, {report.added} labels added, {report.replaced} replaced, "
        f"{report.unchanged} unchanged, {report.kept} differ from a person's answer, which was kept."
    )
    if report.absent:
        names = ", ".join(map(one_line, report.absent_names))
        errors.print(
            f"{report.absent} rows name images that the project does not have: {names}, …", markup=False
        )
    for name, attribute in report.contradictions:
        errors.print(
            f"contradiction: {one_line(name)} is an image that was here before, with another {attribute}",
            markup=False,
        )
    if report.left_aside:
        errors.print(f"columns left aside: {', '.join(report.left_aside)}", markup=False)


@click.command("export")
@click.option(
    "--to", type=click.Path(path_type=Path), help="The folder to make; default a new one in the project."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["snapshot", *WAYS_OUT]),
    default="snapshot",
    show_default=True,
    help="A snapshot, or the format of another tool: docs/export.md.",
)
@click.option("--names", is_flag=True, help="Names instead of codes in a snapshot's labels.csv.")
@click.option(
    "--images",
    type=click.Choice(["none", "link", "copy"]),
    help="Put the image files beside; default link for formats made of images, else none.",
)
@click.option(
    "--history", is_flag=True, help="Also write a snapshot's annotations.csv, every answer ever given."
)
@project_option
@json_option
def export_command(
    to: Path | None,
    form: str,
    names: bool,
    images: ImageMode | None,
    history: bool,
    project: Path,
    as_json: bool,
) -> None:
    """Write the dataset: a snapshot (labels.csv, attributes.csv, images.csv, manifest.json) or another tool's format."""
    if form != "snapshot":
        if names or history:
            raise click.UsageError("--names and --history are for snapshots.")
        _tell_export(export_as(open_project(project), form, to, images), as_json=as_json)
        return
    options = SnapshotOptions(names=names, images=images or "none")
    folder, manifest = export_snapshot(open_project(project), to, options, history=history)
    counts = manifest["counts"]
    if as_json:
        print_json({"path": str(folder), "content_hash": manifest["content_hash"], "counts": counts})
    else:
        click.echo(
            f"{folder}: {counts['images']} images, {counts['labelled']} done, content {manifest['content_hash'][:16]}"
        )


def _tell_export(report: ExportReport, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(report))
        return
    click.echo(f"{report.path}: {report.images} images, {report.labels} labels, {report.format}")
    for loss in report.lost:
        first = ", ".join(one_line(name) for name in loss.first)
        errors.print(f"left out: {loss.what} ({loss.count}): {first}", markup=False)


@click.command("verify")
@click.argument("snapshot", type=click.Path(path_type=Path, file_okay=False))
@json_option
def verify_command(snapshot: Path, as_json: bool) -> None:
    """Check every byte of a snapshot."""
    manifest = verify_snapshot(snapshot)
    if as_json:
        print_json({"whole": True, "content_hash": manifest["content_hash"]})
    else:
        click.echo(
            f"{snapshot} is whole: {manifest['counts']['images']} images, content {manifest['content_hash'][:16]}"
        )
