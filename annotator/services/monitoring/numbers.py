"""The numbers of a project that operators watch: its queue, rounds, imports, disk and backups. All are read in milliseconds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import func, select

from annotator.models import BackupPlace, Import, Lease, Project, Round, now
from annotator.project import ProjectFolder


@dataclass(frozen=True)
class Number:
    """A number at this moment: its name, what it says, and its values by the text of its label, "" if it has none."""

    name: str
    text: str
    values: dict[str, float]
    label: str = field(default="")


def read_numbers(project: ProjectFolder) -> Iterator[Number]:
    """Yield the numbers of a project."""
    with project.database.read() as session:
        images, done = session.execute(select(Project.image_count, Project.done_count)).one()
        leases = session.scalar(select(func.count()).select_from(Lease).where(Lease.expires_at > now())) or 0
        rounds = dict(session.execute(select(Round.state, func.count()).group_by(Round.state)).all())
        imports = dict(session.execute(select(Import.state, func.count()).group_by(Import.state)).all())
        newest = session.scalar(select(func.max(Round.finished_at)).where(Round.state == "done"))
        backup = session.scalar(select(func.max(BackupPlace.finished_at)))
    yield Number("images", "Images that count", {"": images})
    yield Number("images_done", "Images whose labels are complete", {"": done})
    yield Number("images_open", "Images that still need a label", {"": images - done})
    yield Number("leases", "Images that somebody works on", {"": leases})
    yield Number("rounds", "Rounds by state", {str(k): v for k, v in rounds.items()}, "state")
    yield Number("imports", "Uploaded imports by state", {str(k): v for k, v in imports.items()}, "state")
    if newest is not None:
        text = "When the newest round was done, as Unix time"
        yield Number("newest_round_timestamp_seconds", text, {"": newest.timestamp()})
    if backup is not None:
        text = "When the last backup was done, as Unix time"
        yield Number("last_backup_timestamp_seconds", text, {"": backup.timestamp()})
    yield Number(
        "disk_free_bytes", "Free bytes of the project's disk", {"": shutil.disk_usage(project.path).free}
    )
    yield Number("database_bytes", "Bytes of the database's files", project.database.sizes(), "file")
