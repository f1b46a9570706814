"""export, verify."""

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
    project_option,
)
from annotator.formats.export_formats import EXPORT_FORMATS
from annotator.formats.snapshot.writer import ImageMode, SnapshotOptions, verify_snapshot
from annotator.services.exporting.exports import ExportReport, export_as
from annotator.services.exporting.snapshots import export_snapshot


@click.command("export")
@click.option(
    "--to", type=click.Path(path_type=Path), help="The folder to make; default a new one in the project."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["snapshot", *EXPORT_FORMATS]),
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
