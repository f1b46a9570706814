"""exclude and include: images that shall not count any more, and that shall count again."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from annotator.cli.terminal import json_option, open_project, print_json, project_option
from annotator.domain.exclusions import ExclusionReason
from annotator.domain.plurals import counted
from annotator.services.accounts import local_labeller
from annotator.services.annotation.exclude import Changed, ToExclude, exclude, find_by_name, restore


@click.command("exclude")
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--reason",
    required=True,
    type=click.Choice([reason.value for reason in ExclusionReason]),
    help="Why the images shall not count.",
)
@click.option("--note", default="", help="More about the reason, at most 500 characters.")
@project_option
@json_option
def exclude_command(names: tuple[str, ...], reason: str, note: str, project: Path, as_json: bool) -> None:
    """Exclude images by name, all or none.

    An excluded image is in no queue, metric, training, snapshot or export. It keeps its file, its labels and its history,
    and `facelabel include` brings it back.
    """
    names = tuple(dict.fromkeys(names))
    with open_project(project).database.write() as session:
        wanted = ToExclude(_key(), tuple(find_by_name(session, names)), ExclusionReason(reason), note)
        changed = exclude(session, local_labeller(session), wanted)
    _tell(changed, len(names), "excluded", "excluded before", as_json=as_json)


@click.command("include")
@click.argument("names", nargs=-1, required=True)
@project_option
@json_option
def include_command(names: tuple[str, ...], project: Path, as_json: bool) -> None:
    """Let excluded images count again, by name, all or none."""
    names = tuple(dict.fromkeys(names))
    with open_project(project).database.write() as session:
        changed = restore(session, local_labeller(session), _key(), find_by_name(session, names))
    _tell(changed, len(names), "restored", "not excluded", as_json=as_json)


def _key() -> str:
    return f"command:{secrets.token_hex(16)}"


def _tell(changed: Changed, named: int, done: str, otherwise: str, *, as_json: bool) -> None:
    number, rest = len(changed.image_ids), named - len(changed.image_ids)
    if as_json:
        print_json({done: number, "unchanged": rest})
        return
    click.echo(f"{counted(number, 'image is', 'images are')} {done}.")
    if rest:
        click.echo(f"{counted(rest, 'image was', 'images were')} {otherwise}.")
