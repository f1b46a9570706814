"""faces: look for the faces in the images, here and now."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import click

from annotator.cli.terminal import json_option, open_project, print_json, progress_bar, project_option
from annotator.services.faces.detection import find_all_faces


@click.command("faces")
@click.option("--again", is_flag=True, help="Look at all images anew, also at those looked at before.")
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    default=lambda: os.cpu_count() or 1,
    help="How many processes look.  [default: one per core]",
)
@project_option
@json_option
def faces_command(again: bool, processes: int, project: Path, as_json: bool) -> None:
    """Find the faces in the images that were not looked at yet; the worker of `serve` does the same by itself."""
    opened = open_project(project)
    with progress_bar("looking for faces") as progress:
        found = find_all_faces(opened, processes, progress, again=again)
    if as_json:
        print_json(asdict(found))
    else:
        click.echo(
            f"{found.seen} of {found.images} images looked at: {found.with_face} with a face, {found.with_several} of "
            f"them with several, {found.seen - found.with_face} without."
        )
