"""erase: delete images for good, or forget a person."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import click

from annotator.cli.terminal import errors, json_option, one_line, open_project, print_json, project_option
from annotator.domain.plurals import counted
from annotator.domain.states import ErasureState
from annotator.errors import Busy
from annotator.feature_removal import forget_features
from annotator.project import ProjectFolder
from annotator.services.access.log import Event, record_command
from annotator.services.common.claims import LostClaimError, joined
from annotator.services.erasure.journal import (
    begin_erasure,
    complete_erasures,
    erasure_as_dict,
    erasure_waits,
    get_erasure,
    list_erasures,
    preview_erasure,
)
from annotator.services.erasure.preview_texts import copy_texts, preview_texts
from annotator.services.erasure.scope import Request, find_images, find_person

_PATIENCE = 60.0
"""Seconds to wait for a worker to complete an erasure."""


@click.command("erase")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--person", help="Forget the person of this name: all their images, and the name.")
@click.option(
    "--only-name", is_flag=True, help="With --person: erase only the name and the descriptors of the faces."
)
@click.option(
    "--with-copies", is_flag=True, help="Also delete the project's snapshots and exports that hold it."
)
@click.option("--preview", "only_preview", is_flag=True, help="Say what would go, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--list", "listing", is_flag=True, help="List what was erased before.")
@project_option
@json_option
def erase_command(
    names: tuple[str, ...], person: str | None, only_name: bool, with_copies: bool, only_preview: bool, yes: bool,
    listing: bool, project: Path, as_json: bool,
) -> None:  # fmt: skip
    """Delete images for good, or forget a person. It cannot be undone.

    NAME is the name of an image, or its SHA-256. Without a name, an interrupted erasure is completed.
    """
    if bool(names) + bool(person) + listing > 1 or (only_name and not person):
        raise click.UsageError("Name images, or use --person (with or without --only-name), or --list.")
    opened = open_project(project)
    if listing:
        _list(opened, as_json)
    elif names or person:
        request = _request(opened, names, person, only_name=only_name, copies=with_copies)
        _erase(opened, request, only_preview=only_preview, yes=yes, as_json=as_json)
    else:
        _complete(opened)
        if not as_json:
            click.echo("Every erasure is complete.")


def _request(
    project: ProjectFolder, names: tuple[str, ...], person: str | None, *, only_name: bool, copies: bool
) -> Request:
    with project.database.read() as session:
        if person is None:
            return Request("images", images=find_images(session, names), copies=copies)
        code = find_person(session, person)
    return Request("name" if only_name else "person", person=code, copies=copies)


def _erase(project: ProjectFolder, request: Request, *, only_preview: bool, yes: bool, as_json: bool) -> None:
    preview = preview_erasure(project, request)
    if only_preview and as_json:
        print_json(preview)
    if not as_json:
        for text in preview_texts(preview, with_copies=request.copies):
            click.echo(one_line(text))
    if only_preview:
        return
    if not yes:
        click.confirm("This cannot be undone. Erase it for good?", abort=True, err=True)
    number = begin_erasure(project, "command line", f"command:{secrets.token_hex(16)}", request).id
    record_command(project.database, Event.ERASED, f"erasure {number}")
    _complete(project)
    with project.database.read() as session:
        erasure = erasure_as_dict(get_erasure(session, number))
    if as_json:
        print_json(erasure)
        return
    click.echo(f"Erased. The receipt is {project.path / erasure['receipt']['file']}.")
    for text in copy_texts(erasure["receipt"]["copies"]):
        click.echo(one_line(text))


def _complete(project: ProjectFolder) -> None:
    """Complete all erasures, or wait until a running worker has.

    Raises:
        Busy: if neither is possible within a minute; the next worker or call of this command continues.
    """
    until, is_told = time.monotonic() + _PATIENCE, False
    with joined(project):
        while erasure_waits(project):
            try:
                if complete_erasures(project, forget_features):
                    continue
            except (Busy, LostClaimError) as error:
                if time.monotonic() > until:
                    raise _unfinished() from error
            if not is_told:
                errors.print("Waiting for the worker …", markup=False)
                is_told = True
            if time.monotonic() > until:
                raise _unfinished()
            time.sleep(0.2)


def _unfinished() -> Busy:
    return Busy(
        "erasure_unfinished",
        "The project no longer has it, but another process keeps some of its files from being removed.",
        kept="What is left is noted, and is removed by the next worker.",
        do="Call `facelabel erase` without a name once the running round, import or training has ended.",
    )


def _list(project: ProjectFolder, as_json: bool) -> None:
    with project.database.read() as session:
        erasures = [erasure_as_dict(row) for row in list_erasures(session)]
    if as_json:
        print_json(erasures)
        return
    for erasure in erasures:
        receipt = erasure["receipt"]
        state = "" if erasure["state"] == ErasureState.DONE else " (unfinished)"
        what = "a name" if receipt["what"] == "name" else counted(len(receipt["images"]), "image", "images")
        click.echo(
            f"{erasure['id']}  {receipt['begun_at']}  {what}  by {one_line(receipt['erased_by'])}{state}"
        )
    if not erasures:
        click.echo("Nothing was erased.")
