"""aggregate: set labels from several opinions."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from annotator.cli.terminal import json_option, open_project, print_json, project_option
from annotator.domain.plurals import counted
from annotator.services.team.aggregation import aggregate, preview_aggregation


@click.command("aggregate")
@click.option("--preview", is_flag=True, help="Report what would change, and change nothing.")
@project_option
@json_option
def aggregate_command(preview: bool, project: Path, as_json: bool) -> None:
    """Aggregate several people's answers to the same question into one label.

    The team page sets the method: majority or Dawid-Skene.
    """
    opened = open_project(project)
    if preview:
        with opened.database.read() as session:
            report = preview_aggregation(session)
    else:
        report = aggregate(opened)
    if as_json:
        print_json(asdict(report))
        return
    changed = counted(report.changed, "label", "labels")
    click.echo(
        f"{counted(report.cells, 'cell has', 'cells have')} several opinions; "
        f"{changed} {'would change' if preview else 'changed'} ({report.method})."
    )
    if report.undecided:
        click.echo(f"{counted(report.undecided, 'cell stays', 'cells stay')} undecided; see the page Review.")
