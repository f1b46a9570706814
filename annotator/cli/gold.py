"""gold: images whose correct answers are known; qualification: new labellers answer some of them first."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import click

from annotator.cli.terminal import json_option, one_line, open_project, print_json, project_option
from annotator.domain.plurals import counted
from annotator.files import new_file
from annotator.formats.importers.mapping import Mapping
from annotator.services.access.account import find_account
from annotator.services.accounts import local_labeller
from annotator.services.team.gold import find_gold, gold_table, import_gold, list_gold, remove_gold
from annotator.services.team.qualification import (
    QualificationSettings,
    change_qualification,
    let_pass,
    list_candidates,
    qualification_settings,
)


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
@click.option(
    "--csv",
    "table",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write them to this file with their correct codes, for `facelabel trainer noise-ceiling --gold`.",
)
@project_option
@json_option
def show_gold(table: Path | None, project: Path, as_json: bool) -> None:
    """List the gold images."""
    with open_project(project).database.read() as session:
        gold, text = list_gold(session), gold_table(session)
    if table is not None:
        with new_file(table) as file:
            file.write(text)
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


@click.command("qualification")
@click.option(
    "--images",
    type=int,
    metavar="N",
    help="Gold images that a new labeller answers first; 0 switches it off.",
)
@click.option(
    "--pass-mark",
    type=float,
    metavar="PERCENT",
    help="Percentage of the answers that must be right; 80 at first.",
)
@click.option("--let-pass", "name", metavar="NAME", help="Let the answers of this labeller count.")
@project_option
@json_option
def qualification_command(
    images: int | None, pass_mark: float | None, name: str | None, project: Path, as_json: bool
) -> None:
    """Show or change the qualification of new labellers.

    They answer gold images first and see what was right. Until they pass, none of their answers counts.
    """
    opened = open_project(project)
    with opened.database.write() as session:
        settings = qualification_settings(session)
        wanted = settings
        if images is not None:
            wanted = replace(wanted, images=images)
        if pass_mark is not None:
            wanted = replace(wanted, pass_mark=pass_mark / 100)
        if wanted != settings:
            change_qualification(session, wanted)
        if name is not None:
            let_pass(session, find_account(session, name).id, qualified=True)
        people = list_candidates(session)
    if as_json:
        rows = [{"name": each.name, "qualified": each.qualified} | asdict(each.standing) for each in people]
        print_json(asdict(wanted) | {"people": rows})
        return
    click.echo(_setting(wanted))
    for each in people:
        right = f", {each.standing.right} of {each.standing.cells} right" if each.standing.cells else ""
        state = "qualified" if each.qualified else each.standing.state
        click.echo(f"{one_line(each.name)}  {state}{right}")


def _setting(settings: QualificationSettings) -> str:
    if settings.images == 0:
        return "New labellers need not qualify."
    return (
        f"New labellers answer {settings.images} gold images; {100 * settings.pass_mark:g} % must be right."
    )
