"""gold: images whose answers are known."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from annotator.cli.terminal import json_option, open_project, print_json, project_option
from annotator.formats.importers.mapping import Mapping
from annotator.services.accounts import local_labeller
from annotator.services.team.gold import find_gold, import_gold, list_gold, remove_gold


@click.group("gold")
def gold_group() -> None:
    """Images with known answers, asked of every labeller once among the others."""


@gold_group.command("add")
@click.argument("table", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--map",
    "mapping",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A mapping file for the CSV's columns and values.",
)
@project_option
@json_option
def add_gold(table: Path, mapping: Path | None, project: Path, as_json: bool) -> None:
    """Take the answers of a .csv file (as for import) as known; they also become labels where nobody has answered."""
    opened = open_project(project)
    with opened.database.read() as session:
        local = local_labeller(session)
    report = import_gold(opened, local, table, Mapping.read(mapping) if mapping else None)
    if as_json:
        print_json(asdict(report))
        return
    click.echo(f"{report.images} gold images with {report.answers} known answers.")
    if report.absent:
        click.echo(f"{report.absent} rows name no image of the project: {', '.join(report.absent_names)}")


@gold_group.command("list")
@project_option
@json_option
def show_gold(project: Path, as_json: bool) -> None:
    """The gold images."""
    with open_project(project).database.read() as session:
        found = list_gold(session)
    if as_json:
        print_json([{"image_name": name, "answers": answers} for name, answers in found])
        return
    for name, answers in found:
        click.echo(f"{name}  {answers} known")


@gold_group.command("remove")
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of them.")
@project_option
def drop_gold(names: tuple[str, ...], everything: bool, project: Path) -> None:
    """Make images gold no longer; what was answered stays."""
    if bool(names) == everything:
        raise click.UsageError("Name images, or say --all.")
    with open_project(project).database.write() as session:
        numbers = [find_gold(session, name) for name in names]
        count = remove_gold(session, None) if everything else sum(remove_gold(session, n) for n in numbers)
    click.echo(f"{count} images are gold no longer.")
