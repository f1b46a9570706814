"""backup, restore: keep copies of a project elsewhere, and make a project of one of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from annotator.cli.terminal import (
    Every,
    json_option,
    one_line,
    open_project,
    print_json,
    progress_bar,
    project_option,
)
from annotator.domain.plurals import counted
from annotator.domain.timestamps import every_text
from annotator.errors import WrongUse
from annotator.project import ProjectFolder
from annotator.services.backups.create import back_up, back_up_to_archive, remove_backup
from annotator.services.backups.manifest import BackupReport
from annotator.services.backups.places import list_places, schedule
from annotator.services.backups.restore import restore
from annotator.services.backups.status import BackupStatus, read_status

_DEFAULT_KEEP = 7


@click.command("backup")
@click.argument("target", metavar="[FOLDER|FILE.tar]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--every",
    type=Every(),
    help="Let the worker make a backup into FOLDER every 12h, 1d, 2w …; off ends that.",
)
@click.option(
    "--keep",
    type=click.IntRange(1, 10_000),
    help="How many backups stay in FOLDER.  [default: all; 7 with --every]",
)
@click.option("--remove", metavar="NAME", help="Remove a backup from FOLDER instead of making one.")
@project_option
@json_option
def backup_command(
    project: Path, target: Path | None, every: timedelta | None, keep: int | None, remove: str | None, as_json: bool
) -> None:  # fmt: skip
    """Make a backup while people label, in a FOLDER with several backups or as one FILE.tar.

    A folder gets only what it lacks. Without a target, tell when and where backups were made.
    """
    opened = open_project(project)
    if target is None:
        if every is not None or keep is not None or remove is not None:
            raise click.UsageError("Name the folder of the backups.")
        _tell(read_status(opened), as_json=as_json)
        return
    target = target.resolve()
    if target.suffix == ".tar" and not target.is_dir():
        if every is not None or keep is not None or remove is not None:
            raise click.UsageError("--every, --keep and --remove need a folder.")
        with progress_bar("backing up") as progress:
            report = back_up_to_archive(opened, target, progress=progress)
        _report(report, as_json=as_json)
    elif remove is not None:
        remove_backup(opened, target, remove)
        click.echo(f"{remove} is removed from {target}.")
    elif every is not None and not every:
        with opened.database.write() as session:
            schedule(session, target, None, keep)
        click.echo(f"The worker makes no more backups into {target}.")
    else:
        _add(opened, target, every, keep, as_json=as_json)


def _add(
    project: ProjectFolder, folder: Path, every: timedelta | None, keep: int | None, *, as_json: bool
) -> None:
    """Add a backup to a folder, and set its schedule if the user gave one: only a folder that works gets a schedule."""
    with project.database.read() as session:
        [kept] = [place.keep for place in list_places(session) if place.path == str(folder)] or [None]
    keep = keep or kept or (_DEFAULT_KEEP if every else None)
    with progress_bar("backing up") as progress:
        report = back_up(project, folder, keep=keep, progress=progress)
    if every is not None:
        with project.database.write() as session:
            schedule(session, folder, every, keep)
    _report(report, as_json=as_json)
    if every is not None and not as_json:
        click.echo(
            f"The worker makes a backup there every {every_text(int(every.total_seconds()))} and keeps {keep}."
        )


@click.command("restore")
@click.argument("backup", type=click.Path(path_type=Path, exists=True))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--name", help="Which backup of a folder.  [default: the newest one]")
@click.option(
    "--keep-going", is_flag=True, help="Restore the rest if files of the backup are missing or damaged."
)
@json_option
def restore_command(backup: Path, folder: Path, name: str | None, keep_going: bool, as_json: bool) -> None:
    """Restore a backup into a new FOLDER, which is then a project.

    Every byte is checked. The schedule of backups is not restored.
    """
    if backup.is_file() and (name or keep_going):
        raise WrongUse(
            "wrong_options", "An archive is restored whole.", do="Leave --name and --keep-going out."
        )
    with progress_bar("restoring") as progress:
        report = restore(backup, folder, name=name, keep_going=keep_going, progress=progress)
    if as_json:
        print_json(report.as_dict())
        return
    held = counted(report.counts["images"], "image", "images")
    click.echo(
        f"The project of {report.created_at} is in {report.path}, with {held} and {report.counts['annotations']} answers."
    )
    if report.lost:
        click.echo(
            f"{counted(len(report.lost), 'file was', 'files were')} lost: {', '.join(report.lost[:5])}",
            err=True,
        )
    click.echo(f"It has no schedule of backups: facelabel backup FOLDER --every 1d --project {report.path}")


def _report(report: BackupReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report.as_dict())
        return
    place = report.path if report.path.name == report.name else f"{report.path}, as {report.name}"
    click.echo(
        f"The backup is in {place}: {counted(report.counts['images'], 'image', 'images')}, "
        f"{report.counts['annotations']} answers, {report.new_bytes / 2**20:.1f} MiB new."
    )
    if report.removed:
        click.echo(f"{counted(len(report.removed), 'older backup was', 'older backups were')} removed.")
    if report.images_in:
        click.echo(
            f"It holds no image files: they are in {report.images_in}, which needs its own copies.", err=True
        )
    if report.missing:
        click.echo(
            f"The project lacks the files of {counted(len(report.missing), 'image', 'images')}, or they were changed: "
            f"{', '.join(map(one_line, report.missing[:5]))}. Call `facelabel doctor --deep`.",
            err=True,
        )


def _tell(status: BackupStatus, *, as_json: bool) -> None:
    if as_json:
        print_json(status.as_dict())
        return
    click.echo(status.text)
    for place in status.places:
        click.echo(f"  {place.text}")
        for generation in place.generations[:20]:
            click.echo(f"    {generation['name']}")
