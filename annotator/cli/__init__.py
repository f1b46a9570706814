"""The command `facelabel`: exit codes 0 done, 1 failed, 2 wrong use; results on stdout, progress on stderr."""

from __future__ import annotations

import os
import sys

import click

from annotator import __version__
from annotator.cli.aggregate import aggregate_command
from annotator.cli.data import export_command, verify_command
from annotator.cli.doctor import doctor_command
from annotator.cli.faces import faces_command
from annotator.cli.gold import gold_group
from annotator.cli.groups import groups_command
from annotator.cli.importing import import_command
from annotator.cli.projects import init_command, schema_group, status_command
from annotator.cli.rounds import round_command
from annotator.cli.serving import openapi_command, serve_command, up_command, worker_command
from annotator.cli.snapshots import diff_command
from annotator.cli.splits import splits_command
from annotator.cli.terminal import ProjectGroup
from annotator.cli.users import users_group


@click.group(
    cls=ProjectGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="facelabel")
def main() -> None:
    """Label a face dataset in the browser, export a snapshot, train on it in active-learning rounds."""


@main.command("trainer", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def trainer_command(arguments: tuple[str, ...]) -> None:
    """Train, evaluate and predict on a snapshot: the same as `python -m trainer`."""
    # A process of its own: the trainer is another program, which also runs where the annotator is not installed.
    os.execv(sys.executable, [sys.executable, "-m", "trainer", *arguments])  # noqa: S606 - no shell is wanted


for command in (
    init_command,
    up_command,
    import_command,
    faces_command,
    groups_command,
    splits_command,
    serve_command,
    worker_command,
    round_command,
    export_command,
    verify_command,
    diff_command,
    status_command,
    schema_group,
    users_group,
    gold_group,
    aggregate_command,
    doctor_command,
    openapi_command,
):
    main.add_command(command)
