"""snapshots, verify, diff: describe, delete, check and compare snapshots; check backups."""

from __future__ import annotations

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
from annotator.domain.timestamps import utc_text
from annotator.files import new_file
from annotator.formats.snapshot.diff import MODEL, Named, SnapshotDiff, diff_snapshots, write_changed_cells
from annotator.formats.snapshot.writer import verify_snapshot
from annotator.services.access.log import Event, record_command
from annotator.services.backups.restore import is_backup, verify_backup
from annotator.services.exporting.snapshot_records import delete_snapshot, describe_snapshot
from annotator.services.exporting.snapshots import list_snapshots

_MOST_CHANGES = 12
"""How many kinds of changes are listed per attribute."""


@click.group("snapshots")
def snapshots_group() -> None:
    """List, describe and delete the snapshots inside the project."""


@snapshots_group.command("list")
@project_option
@json_option
def list_command(project: Path, as_json: bool) -> None:
    """List the snapshots inside the project, newest first."""
    with open_project(project).database.read() as session:
        rows = [
            {
                "name": row.name,
                "title": row.title,
                "note": row.note,
                "created_at": utc_text(row.created_at),
                "images": row.images,
                "labelled": row.labelled,
                "content_hash": row.content_hash,
            }
            for row in list_snapshots(session)
        ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        text = " – ".join(filter(None, (str(row["title"]), str(row["note"]))))
        click.echo(f"{row['name']:<20} {row['images']} images, {row['labelled']} done  {one_line(text)}")


@snapshots_group.command("note")
@click.argument("name")
@click.option("--title", help="What the list calls it.")
@click.option("--note", help="What the list says about it.")
@project_option
def note_command(name: str, title: str | None, note: str | None, project: Path) -> None:
    """Give a snapshot a title or a note; its files stay as they are."""
    if title is None and note is None:
        raise click.UsageError("Give --title or --note.")
    with open_project(project).database.write() as session:
        describe_snapshot(session, name, title=title, note=note)
    click.echo(f"{name} is described.")


@snapshots_group.command("delete")
@click.argument("name")
@project_option
def delete_command(name: str, project: Path) -> None:
    """Delete a snapshot for good, unless predictions in use were trained on it."""
    opened = open_project(project)
    delete_snapshot(opened, name)
    record_command(opened.database, Event.SNAPSHOT_DELETED, f"snapshot {name}")
    click.echo(f"{name} is deleted.")


@click.command("verify")
@click.argument("snapshot", type=click.Path(path_type=Path, file_okay=False))
@json_option
def verify_command(snapshot: Path, as_json: bool) -> None:
    """Check every byte of a snapshot, or of a backup in a folder, against its manifest."""
    if is_backup(snapshot):
        _verify_backup(snapshot, as_json=as_json)
        return
    manifest = verify_snapshot(snapshot)
    if as_json:
        print_json({"whole": True, "content_hash": manifest["content_hash"]})
    else:
        click.echo(
            f"{snapshot} is whole: {manifest['counts']['images']} images, content {manifest['content_hash'][:16]}"
        )


def _verify_backup(folder: Path, *, as_json: bool) -> None:
    with progress_bar("checking") as progress:
        manifest = verify_backup(folder, progress=progress)
    if as_json:
        print_json({"whole": True, "created_at": manifest["created_at"]})
    else:
        click.echo(f"The backup of {manifest['created_at']} is whole: {manifest['files']['count']} files.")


@click.command("diff")
@click.argument("a", type=click.Path(path_type=Path, file_okay=False))
@click.argument("b", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--csv",
    "cells",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write every changed cell to this CSV file: image_name, attribute, from, to, labeller, origin.",
)
@json_option
def diff_command(a: Path, b: Path, cells: Path | None, as_json: bool) -> None:
    """Report what changed from snapshot A to snapshot B."""
    if cells is None:
        diff = diff_snapshots(a, b)
    else:
        with new_file(cells) as file:
            diff = write_changed_cells(a, b, file.write)
    if as_json:
        print_json(diff.as_dict())
    else:
        click.echo("\n".join(_summary(diff)))


def _summary(diff: SnapshotDiff) -> list[str]:
    if diff.same:
        return [f"No differences: {counted(diff.unchanged, 'image', 'images')} with the same labels."]
    lines = [f"schema: {change}" for change in diff.schema]
    lines.append(
        f"{counted(diff.unchanged, 'image is', 'images are')} unchanged, {counted(diff.changed_cells, 'cell differs', 'cells differ')}"
    )
    for what, named in (
        ("added", diff.added),
        ("removed", diff.removed),
        ("renamed", diff.renamed),
        ("other bytes", diff.replaced),
        ("other group", diff.regrouped),
    ):
        lines += _named(what, named)
    lines += [
        f"  split {a} → {b}: {counted(number, 'image', 'images')}"
        for (a, b), number in sorted(diff.splits.items())
    ]
    for attribute, counts in diff.cells.items():
        if counts:
            lines.append(f"{attribute}: {counted(counts.total(), 'cell', 'cells')}")
        names = diff.names[attribute]
        lines += [
            f"  {number:>9}  {names.get(a, a)} → {names.get(b, b)}"
            for (a, b), number in counts.most_common(_MOST_CHANGES)
        ]
        if len(counts) > _MOST_CHANGES:
            lines.append(f"             and {len(counts) - _MOST_CHANGES} other changes")
    lines += [
        f"by {one_line(who) or 'unknown'} ({how or 'no answer'}): {counted(number, 'cell', 'cells')}"
        for (who, how), number in diff.people.most_common()
        if how != MODEL
    ]
    lines += [
        f"{attribute}, filled by a model: {before} → {after}: {counted(number, 'cell', 'cells')}"
        for attribute, counts in diff.filled.items()
        for (before, after), number in sorted(counts.items())
    ]
    return lines


def _named(what: str, named: Named) -> list[str]:
    if not named.count:
        return []
    more = ", …" if named.count > len(named.first) else ""
    return [f"  {what}: {named.count} ({', '.join(map(one_line, named.first))}{more})"]
