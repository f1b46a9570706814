"""groups: find near-duplicates, update groups, report what leaks between splits."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from annotator.cli.terminal import (
    json_option,
    one_line,
    open_project,
    print_json,
    progress_bar,
    project_option,
)
from annotator.domain.plurals import counted
from annotator.services.grouping.duplicate_search import hash_all
from annotator.services.grouping.listing import leak_report, list_groups
from annotator.services.grouping.near_duplicates import find_near_duplicates


@click.command("groups")
@project_option
@json_option
def groups_command(project: Path, as_json: bool) -> None:
    """Find near-duplicates, update groups and splits, and report leaks between splits.

    Images of one group stay in one split.
    """
    opened = open_project(project)
    with progress_bar("searching for near-duplicates") as progress:
        hash_all(opened, progress)
    near_duplicates = find_near_duplicates(opened)
    with opened.database.read() as session:
        largest, groups = list_groups(session, limit=10)
        report = leak_report(session)
    if as_json:
        print_json({"groups": groups, "twins": near_duplicates, "leaks": asdict(report)})
        return
    click.echo(
        f"{counted(near_duplicates, 'image is a near-duplicate', 'images are near-duplicates')} of an earlier one; "
        f"{counted(groups, 'group has', 'groups have')} more than one image."
    )
    for group in largest:
        click.echo(f"  {one_line(group.key)}: {counted(group.images, 'image', 'images')}, {group.split}")
    click.echo(
        f"{counted(len(report.groups), 'group is', 'groups are')} in two splits; "
        f"{counted(len(report.leaks), 'pair leaks', 'pairs leak')} between splits."
    )
    for leak in report.leaks:
        names = f"{one_line(leak.first.name)} ({leak.splits[0]}) and {one_line(leak.second.name)} ({leak.splits[1]})"
        click.echo(f"  {leak.why}: {names}")
