"""faces: search the images for faces now."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import click

from annotator.cli.terminal import json_option, open_project, print_json, progress_bar, project_option
from annotator.services.faces.detection import find_all_faces


@click.command("faces")
@click.option("--again", is_flag=True, help="Search all images again, including those already searched.")
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    default=lambda: os.cpu_count() or 1,
    help="The number of processes.  [default: one per core]",
)
@project_option
@json_option
def faces_command(again: bool, processes: int, project: Path, as_json: bool) -> None:
    """Search for faces in the images that were not searched yet.

    The worker of `serve` does this automatically.
    """
    opened = open_project(project)
    with progress_bar("searching for faces") as progress:
        counts = find_all_faces(opened, processes, progress, again=again)
    if as_json:
        print_json(asdict(counts))
    else:
        click.echo(
            f"{counts.seen} of {counts.images} images searched: {counts.with_face} with a face ({counts.with_several} with several), "
            f"{counts.seen - counts.with_face} without."
        )
