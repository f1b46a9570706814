"""take-back: many answers no longer count."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from annotator.cli.terminal import json_option, one_line, open_project, print_json, project_option
from annotator.domain.plurals import counted
from annotator.domain.timestamps import utc_text
from annotator.project import ProjectFolder
from annotator.services.access.account import find_account
from annotator.services.access.log import Event, record_command
from annotator.services.accounts import local_labeller
from annotator.services.annotation.take_back import (
    PastTakeBack,
    list_take_backs,
    preview_take_back,
    take_back,
    undo_take_back,
)
from annotator.services.annotation.take_back_batches import continue_take_backs
from annotator.services.annotation.take_back_choice import Selection
from annotator.services.annotation.take_back_effect import Effect

_TIMES = click.DateTime(["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%z"])


@click.command("take-back")
@click.option("--labeller", metavar="NAME", help="Answers of this labeller.")
@click.option(
    "--import", "imported", metavar="IMPORT", help="Labels of this import: its number on the page, or the file's name."
)  # fmt: skip
@click.option("--since", type=_TIMES, metavar="TIME", help="Answers given at this local time or later.")
@click.option("--until", type=_TIMES, metavar="TIME", help="Answers given before this local time.")
@click.option("--preview", is_flag=True, help="Report what would change, and change nothing.")
@click.option("--list", "listing", is_flag=True, help="List the last take-backs with their keys.")
@click.option("--undo", "undone_key", metavar="KEY", help="Undo the take-back with this key.")
@project_option
@json_option
def take_back_command(
    labeller: str | None, imported: str | None, since: datetime | None, until: datetime | None, preview: bool,
    listing: bool, undone_key: str | None, project: Path, as_json: bool,
) -> None:  # fmt: skip
    """Take all answers of a labeller, an import or a time span back, as one submission.

    Options combine: only answers for which all of them hold are undone. Cells fall back to an earlier answer or are open
    again, and the log keeps everything. TIME is 2026-11-29 or "2026-11-29 14:30".
    """
    opened = open_project(project)
    if listing:
        with opened.database.read() as session:
            past = [_row(each) for each in list_take_backs(session)]
        _print_list(past, as_json=as_json)
        return
    if undone_key is not None:
        with opened.database.write() as session:
            undo_take_back(session, local_labeller(session), secrets.token_hex(16), undone_key)
        record_command(opened.database, Event.TAKE_BACK_UNDONE)
        _complete(opened)
        click.echo("The take-back is undone: its answers count again.")
        return
    key = f"take back:{secrets.token_hex(8)}"
    with opened.database.read() as session:
        selection = Selection(
            find_account(session, labeller).id if labeller is not None else None,
            int(imported) if imported is not None and imported.isdecimal() else None,
            imported if imported is not None and not imported.isdecimal() else None,
            since.astimezone() if since else None,
            until.astimezone() if until else None,
        )
        effect = preview_take_back(session, selection)
    if not preview:
        with opened.database.write() as session:
            take_back(session, local_labeller(session), key, selection, effect)
        record_command(opened.database, Event.TAKE_BACK)
        _complete(opened)
    if as_json:
        print_json(asdict(effect) | ({} if preview else {"submission": key}))
        return
    click.echo("\n".join(_summary(effect, would="would " if preview else "")))
    if not preview:
        click.echo(f'To undo it: facelabel take-back --undo "{key}"')


def _complete(project: ProjectFolder) -> None:
    """Do all batches that are left; if this is interrupted, the next worker or take-back goes on."""
    while continue_take_backs(project):
        pass


def _summary(effect: Effect, would: str) -> list[str]:
    """What a take-back changes, in sentences. `would`: put before the verbs of a preview."""
    images = counted(effect.images, "image", "images")
    opened = counted(effect.opened, "cell", "cells")
    restored = counted(effect.restored, "cell", "cells")
    reopened = counted(effect.reopened, "done image", "done images")
    lines = [
        f"{counted(effect.answers, 'answer', 'answers')} in {images} {would}no longer count.",
        f"{opened} {would}lose the label, {restored} {would}fall back to an earlier answer.",
        f"{reopened} {would}come back into the queue.",
    ]
    if effect.people_changes:
        changes = counted(effect.people_changes, "new name or merge", "new names and merges")
        lines.append(f"{changes} of people stay; undo them on the page of the people.")
    if effect.aggregated:
        labels = counted(effect.aggregated, "label", "labels")
        lines.append(f"{labels} of an aggregation used these answers: run `facelabel aggregate` again.")
    return lines


def _row(past: PastTakeBack) -> dict[str, object]:
    """A take-back with the names that the API has for its fields."""
    row: dict[str, object] = asdict(past)
    names = {"key": "submission", "import_id": "upload", "import_name": "source"}
    return {names.get(name, name): value for name, value in row.items()}


def _print_list(past: list[dict[str, object]], *, as_json: bool) -> None:
    rows = [
        {name: utc_text(value) if isinstance(value, datetime) else value for name, value in row.items()}
        for row in past
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        what = (row["labeller"], row["source"] or row["upload"], row["since"], row["until"])
        names = zip(("labeller", "import", "since", "until"), what, strict=True)
        asked = ", ".join(f"{name} {one_line(str(value))}" for name, value in names if value is not None)
        click.echo(
            f"{row['created_at']}  {row['submission']}  {asked}{'  (undone)' if row['undone'] else ''}"
        )
