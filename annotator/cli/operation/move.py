"""move: take a project to another database while people label."""

from __future__ import annotations

from pathlib import Path

import click

from annotator.cli.terminal import json_option, open_project, print_json, project_option, stage_bar
from annotator.services.moving.move import MoveReport
from annotator.services.moving.project import OWN_FILE, cancel_move, move_project


@click.command("move")
@click.option(
    "--to",
    metavar="URL|file",
    help="postgresql://user:password@host/name of an empty database; file moves back into facelabel.db.",
)
@click.option("--cancel", is_flag=True, help="Give up a move that was interrupted: people can answer again.")
@project_option
@json_option
def move_command(project: Path, to: str | None, cancel: bool, as_json: bool) -> None:
    """Move the project's database to PostgreSQL, or back, while people label.

    Every row is compared. A move that was interrupted goes on when the command is called again. The database that the project
    leaves is kept and only reads.
    """
    if (to is None) is not cancel:
        raise click.UsageError("Say where to move with --to, or give up a move with --cancel.")
    opened = open_project(project)
    if to is None:
        other = cancel_move(opened)
        said = (
            "No move is under way."
            if other is None
            else f"The move to {other} is given up; people can answer again."
        )
        click.echo(said)
        return
    with stage_bar() as progress:
        report = move_project(opened, to, progress)
    if as_json:
        print_json(report.as_dict())
        return
    _tell(report, opened.path)


def _tell(report: MoveReport, folder: Path) -> None:
    tables = sum(1 for table in report.tables if table.rows)
    click.echo(f"The project is in {report.target}.")
    if report.tables:
        click.echo(
            f"{report.rows:,} rows of {tables} tables are equal in both databases. It took {report.seconds:.0f} s; for "
            f"{report.locked_seconds:.1f} s of them nobody could answer."
        )
    click.echo(f"{report.source} is kept and only reads.")
    click.echo("Start the server and the worker anew, so that they use the new database.")
    back = OWN_FILE if report.target.startswith("postgres") else report.source
    click.echo(f"To go back: facelabel move --to '{back}' --project {folder}")
