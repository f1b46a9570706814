"""groups: find near-duplicates, bring groups up to date, tell what leaks between splits."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from sqlalchemy import func, select

from annotator.cli.terminal import (
    json_option,
    one_line,
    open_project,
    print_json,
    progress_bar,
    project_option,
)
from annotator.models import Image
from annotator.services.grouping.duplicate_search import hash_some
from annotator.services.grouping.listing import leak_report, list_groups
from annotator.services.grouping.near_duplicates import find_near_duplicates


@click.command("groups")
@project_option
@json_option
def groups_command(project: Path, as_json: bool) -> None:
    """Find near-duplicates, bring groups and splits up to date, and tell what leaks between splits."""
    opened = open_project(project)
    with opened.database.read() as session:
        unseen = select(func.count()).where(Image.perceptual_hash.is_(None))
        total = session.scalar(unseen) or 0
    with progress_bar("looking for near-duplicates") as progress:
        done = 0
        progress(0, total)
        while count := hash_some(opened):
            done += count
            progress(done, max(total, done))
    twins = find_near_duplicates(opened)
    with opened.database.read() as session:
        largest, groups = list_groups(session, limit=10)
        report = leak_report(session)
    if as_json:
        print_json({"groups": groups, "twins": twins, "leaks": asdict(report)})
        return
    click.echo(f"{twins} images repeat an earlier one; {groups} groups hold more than one image.")
    for group in largest:
        click.echo(f"  {one_line(group.key)}: {group.images} images, {group.split}")
    click.echo(
        f"{len(report.groups)} groups are in two splits; {len(report.leaks)} pairs leak between splits."
    )
    for leak in report.leaks:
        names = f"{one_line(leak.first.name)} ({leak.splits[0]}) and {one_line(leak.second.name)} ({leak.splits[1]})"
        click.echo(f"  {leak.why}: {names}")
