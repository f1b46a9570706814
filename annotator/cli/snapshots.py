"""verify, diff: check and compare snapshots."""

from __future__ import annotations

from pathlib import Path

import click

from annotator.cli.terminal import json_option, one_line, print_json
from annotator.files import new_file
from annotator.formats.snapshot.diff import Named, SnapshotDiff, diff_snapshots, write_changed_cells
from annotator.formats.snapshot.writer import verify_snapshot

_MOST_CHANGES = 12
"""How many kinds of changes are listed per attribute."""


@click.command("verify")
@click.argument("snapshot", type=click.Path(path_type=Path, file_okay=False))
@json_option
def verify_command(snapshot: Path, as_json: bool) -> None:
    """Check every byte of a snapshot against its manifest."""
    manifest = verify_snapshot(snapshot)
    if as_json:
        print_json({"whole": True, "content_hash": manifest["content_hash"]})
    else:
        click.echo(
            f"{snapshot} is whole: {manifest['counts']['images']} images, content {manifest['content_hash'][:16]}"
        )


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
        return [f"No differences: {diff.unchanged} images with the same labels."]
    lines = [f"schema: {change}" for change in diff.schema]
    lines.append(f"{diff.unchanged} images are unchanged, {diff.changed_cells} cells differ")
    for what, named in (
        ("added", diff.added),
        ("removed", diff.removed),
        ("renamed", diff.renamed),
        ("other bytes", diff.replaced),
        ("other group", diff.regrouped),
    ):
        lines += _named(what, named)
    lines += [f"  split {a} → {b}: {number} images" for (a, b), number in sorted(diff.splits.items())]
    for attribute, counts in diff.cells.items():
        if counts:
            lines.append(f"{attribute}: {counts.total()} cells")
        names = diff.names[attribute]
        lines += [
            f"  {number:>9}  {names.get(a, a)} → {names.get(b, b)}"
            for (a, b), number in counts.most_common(_MOST_CHANGES)
        ]
        if len(counts) > _MOST_CHANGES:
            lines.append(f"             and {len(counts) - _MOST_CHANGES} other changes")
    lines += [
        f"by {one_line(who) or 'unknown'} ({how or 'no answer'}): {number} cells"
        for (who, how), number in diff.people.most_common()
    ]
    return lines


def _named(what: str, named: Named) -> list[str]:
    if not named.count:
        return []
    more = ", …" if named.count > len(named.first) else ""
    return [f"  {what}: {named.count} ({', '.join(map(one_line, named.first))}{more})"]
