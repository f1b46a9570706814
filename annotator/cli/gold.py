"""gold: images whose correct answers are known."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from annotator.cli.terminal import json_option, one_line, open_project, print_json, project_option
from annotator.domain.plurals import counted
from annotator.formats.importers.mapping import Mapping
from annotator.services.accounts import local_labeller
from annotator.services.team.gold import find_gold, import_gold, list_gold, remove_gold


@click.group("gold")
def gold_group() -> None:
    """Manage gold images, which measure how well labellers answer.

    Their correct answers are known. Every labeller gets each of them once, among the other images.
    """


@gold_group.command("add")
@click.argument("table", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--map",
    "mapping",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A mapping file for the columns and values of the table.",
)
@project_option
@json_option
def add_gold(table: Path, mapping: Path | None, project: Path, as_json: bool) -> None:
    """Make images gold, with the correct answers from a CSV file.

    The file has the same columns as for `facelabel import`. Its answers also become labels where nobody has answered.
    """
    opened = open_project(project)
    with opened.database.read() as session:
        local = local_labeller(session)
    report = import_gold(opened, local, table, Mapping.read(mapping) if mapping else None)
    if as_json:
        print_json(asdict(report))
        return
    click.echo(f"{report.images} gold images with {report.answers} correct answers.")
    for text in report.unmatched:
        click.echo(one_line(text))


@gold_group.command("list")
@project_option
@json_option
def show_gold(project: Path, as_json: bool) -> None:
    """List the gold images."""
    with open_project(project).database.read() as session:
        gold = list_gold(session)
    if as_json:
        print_json([{"image_name": name, "answers": answers} for name, answers in gold])
        return
    for name, answers in gold:
        click.echo(f"{name}  {answers} correct answers")


@gold_group.command("remove")
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Remove all images from gold.")
@project_option
def drop_gold(names: tuple[str, ...], everything: bool, project: Path) -> None:
    """Remove images from gold; the answers stay."""
    if bool(names) == everything:
        raise click.UsageError("Name images, or use --all.")
    with open_project(project).database.write() as session:
        numbers = [find_gold(session, name) for name in names]
        count = remove_gold(session, None) if everything else sum(remove_gold(session, n) for n in numbers)
    click.echo(f"{counted(count, 'image is', 'images are')} no longer gold.")
