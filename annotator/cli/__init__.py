"""The command `facelabel`. Exit codes: 0 success, 1 failure, 2 wrong use. Results go to stdout, progress to stderr."""

from __future__ import annotations

import os
import sys

import click

from annotator import __version__
from annotator.cli.commands import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="facelabel")
def main() -> None:
    """Label a face dataset in the browser, export it, and train on it in active-learning rounds."""


@main.command("trainer", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def trainer_command(arguments: tuple[str, ...]) -> None:
    """Train, evaluate and predict on a snapshot; the same as `python -m trainer`."""
    # A separate process, because the trainer is a separate program, which also runs where the annotator is not installed.
    os.execv(sys.executable, [sys.executable, "-m", "trainer", *arguments])  # noqa: S606 - no shell is wanted
