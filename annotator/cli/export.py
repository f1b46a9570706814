"""export: a snapshot, or another tool's format."""

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
from annotator.domain.plurals import counted
from annotator.formats.export_formats import EXPORT_FORMATS
from annotator.formats.snapshot.writer import ImageMode, SnapshotOptions
from annotator.services.exporting.exports import ExportReport, export_as
from annotator.services.exporting.snapshots import export_snapshot


@click.command("export")
@click.option(
    "--to", type=click.Path(path_type=Path), help="The folder to make.  [default: a new one in the project]"
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["snapshot", *EXPORT_FORMATS]),
    default="snapshot",
    show_default=True,
    help="A snapshot, or another tool's format; see docs/export.md.",
)
@click.option("--names", is_flag=True, help="Snapshot: write value names instead of codes into labels.csv.")
@click.option(
    "--images",
    type=click.Choice(["none", "link", "copy"]),
    help="What to do with the image files.  [default: link if the format consists of images, else none]",
)
@click.option(
    "--history", is_flag=True, help="Snapshot: also write annotations.csv with every answer ever given."
)
@click.option(
    "--probabilities",
    is_flag=True,
    help="Snapshot: also write probabilities.parquet with the soft label of every cell.",
)
@click.option("--without-filled", is_flag=True, help="Leave out the values that a model filled.")
@project_option
@json_option
def export_command(
    to: Path | None,
    form: str,
    names: bool,
    images: ImageMode | None,
    history: bool,
    probabilities: bool,
    without_filled: bool,
    project: Path,
    as_json: bool,
) -> None:
    """Export the dataset as a snapshot or in another tool's format.

    A snapshot is a folder with labels.csv, attributes.csv, images.csv and manifest.json.
    """
    if form != "snapshot":
        if names or history or probabilities:
            raise click.UsageError("--names, --history and --probabilities are for snapshots.")
        report = export_as(open_project(project), form, to, images, filled=not without_filled)
        _print_export(report, as_json=as_json)
        return
    options = SnapshotOptions(names=names, images=images or "none")
    folder, manifest = export_snapshot(
        open_project(project),
        to,
        options,
        history=history,
        probabilities=probabilities,
        filled=not without_filled,
    )
    counts = manifest["counts"]
    if as_json:
        print_json({"path": str(folder), "content_hash": manifest["content_hash"], "counts": counts})
    else:
        click.echo(
            f"{folder}: {counts['images']} images, {counts['labelled']} done, content {manifest['content_hash'][:16]}"
        )


def _print_export(report: ExportReport, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(report))
        return
    click.echo(
        f"{report.path}: {counted(report.images, 'image', 'images')}, {counted(report.labels, 'label', 'labels')}, {report.format}"
        + (f" ({report.filled:,} of the labels were filled by a model)" if report.filled else "")
    )
    for loss in report.lost:
        first = ", ".join(one_line(name) for name in loss.first)
        errors.print(f"left out: {loss.what} ({loss.count}): {first}", markup=False)
