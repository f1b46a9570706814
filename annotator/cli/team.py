"""What a team does together: aggregate joins answers to one label, assign keeps images for some people."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import click
from pydantic import ValidationError

from annotator.cli.terminal import json_option, one_line, open_project, print_json, project_option
from annotator.database import Session
from annotator.domain.plurals import counted
from annotator.domain.timestamps import utc_text
from annotator.errors import WrongUse
from annotator.services.access.account import find_account
from annotator.services.accounts import local_labeller
from annotator.services.team.aggregation import aggregate, preview_aggregation
from annotator.services.team.assigning import PastAssignment, assign, list_assignments, release
from annotator.services.team.assignment_plan import Preview, Wanted, preview_assignment
from annotator.web.images.assignments import wanted_of
from annotator.web.images.views import ViewQuery


@click.command("assign")
@click.argument("people", nargs=-1, metavar="[NAME[=PERCENT]]...")
@click.option(
    "--view", metavar="QUERY", help="Only images of this view: what follows the ? in the address of Browse."
)
@click.option("--new", "covers_new", is_flag=True, help="Share later images out in the same way.")
@click.option("--preview", is_flag=True, help="Report what would be assigned, and change nothing.")
@click.option("--list", "listing", is_flag=True, help="List the last assignments with their progress.")
@click.option(
    "--release",
    "released",
    type=int,
    metavar="NUMBER",
    help="Give the open images of this assignment to everybody again.",
)
@project_option
@json_option
def assign_command(
    people: tuple[str, ...], view: str | None, covers_new: bool, preview: bool, listing: bool,
    released: int | None, project: Path, as_json: bool,
) -> None:  # fmt: skip
    """Assign open images to people, who alone get them from the queue.

    With percentages (Ada=60 Bob=40) every image goes to one person, by whole groups. Without them, each image goes to the first
    of the people who asks. Images that are not assigned go to everybody.
    """
    opened = open_project(project)
    if released is not None:
        release(opened, released)
        click.echo("Released: everybody gets its open images again.")
        return
    if listing:
        with opened.database.read() as session:
            _print_list(list_assignments(session), as_json=as_json)
        return
    with opened.database.read() as session:
        wanted = _wanted(session, people, view, covers_new=covers_new)
        effect = preview_assignment(opened, session, wanted)
        me = local_labeller(session)
    number = None if preview else assign(opened, me, f"assign:{secrets.token_hex(8)}", wanted)
    if as_json:
        print_json(asdict(effect) | {"lacking": effect.lacking} | ({} if preview else {"id": number}))
        return
    with opened.database.read() as session:
        names = {find_account(session, name.partition("=")[0]).id: name.partition("=")[0] for name in people}
    click.echo("\n".join(_summary(effect, names, would="would get" if preview else "gets")))
    if number is not None:
        click.echo(f"To undo it: facelabel assign --release {number}")


def _wanted(session: Session, people: tuple[str, ...], view: str | None, *, covers_new: bool) -> Wanted:
    shares: dict[int, float | None] = {}
    for text in people:
        name, equals, percent = text.partition("=")
        try:
            share = float(percent.rstrip("%")) / 100 if equals else None
        except ValueError:
            raise WrongUse(
                "bad_shares", f"{text!r} is not a name and a percentage.", do="Write it like Ada=60."
            ) from None
        shares[find_account(session, name).id] = share
    try:
        query = ViewQuery(**dict(parse_qsl(view.lstrip("?")))) if view is not None else None
    except ValidationError as error:
        raise WrongUse(
            "bad_view",
            f"{view!r} is no view of Browse: {error.errors()[0]['msg']}.",
            do="Copy what follows the ? in the address of Browse.",
        ) from None
    return wanted_of(shares, query, covers_new)


def _summary(effect: Preview, names: dict[int, str], would: str) -> list[str]:
    """What an assignment does, in sentences."""
    lines = []
    for part in effect.parts:
        held = f" ({counted(part.held, 'image', 'images')} with somebody else now)" if part.held else ""
        who = " or ".join(one_line(names[person]) for person in part.people)
        lines.append(f"{who} {would} {counted(part.images, 'image', 'images')}{held}.")
    if effect.rest:
        lines.append(f"{counted(effect.rest, 'image', 'images')} for everybody.")
    if effect.assigned:
        lines.append(f"{counted(effect.assigned, 'image', 'images')} assigned already.")
    if effect.lacking:
        images = counted(effect.overlapped, "image", "images")
        lines.append(
            f"{images} among them get answers from {effect.opinions} people: the further answers come from anybody."
        )
    return lines


def _print_list(past: list[PastAssignment], *, as_json: bool) -> None:
    if as_json:
        print_json([_as_json(each) for each in past])
        return
    for each in past:
        parts = ", ".join(
            f"{one_line(' or '.join(part.names))} {f'{part.done:,} of ' if part.done is not None else ''}{part.images:,}"
            for part in each.parts
        )
        click.echo(f"{each.number}  {utc_text(each.created_at)}  {each.state}  {parts}")


def _as_json(past: PastAssignment) -> dict[str, Any]:
    row = {"id": past.number} | asdict(past)
    del row["number"]
    times = {name: utc_text(row[name]) if row[name] else None for name in ("created_at", "released_at")}
    return row | times


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
