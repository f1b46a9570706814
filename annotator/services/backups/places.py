"""Where a project's backups are, when the next one is due, and what the last try came to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from annotator.domain.timestamps import utc_text
from annotator.errors import NoRoom
from annotator.models import BackupPlace, now
from annotator.project import ProjectFolder
from annotator.services.backups.folder import BackupFolder

RETRY = timedelta(hours=1)
"""After how long a scheduled backup that failed is tried again, at the latest."""


@dataclass(frozen=True)
class KnownBackup:
    """A backup as it is known: where it is and when it was made; `seen`: whether it was looked at now."""

    place: BackupPlace
    path: Path
    name: str
    created_at: datetime
    seen: bool


def list_places(session: Session) -> list[BackupPlace]:
    """The places where backups of the project were made."""
    return list(session.scalars(select(BackupPlace).order_by(BackupPlace.id)))


def schedule(session: Session, path: Path, every: timedelta | None, keep: int | None) -> None:
    """Let the worker make a backup into a folder every so often; without `every`, no longer."""
    place = _place(session, path, "folder")
    place.every_seconds = int(every.total_seconds()) if every else None
    place.keep = keep


def unschedule_all(session: Session) -> None:
    """End all schedules: a restored copy of a project must not write among the backups of the original."""
    session.execute(update(BackupPlace).values(every_seconds=None))


def due_place(session: Session) -> BackupPlace | None:
    """Return a place whose next backup is due; None if there is none. A time in the future counts as due: the clock was wrong."""
    moment = now()
    for place in session.scalars(select(BackupPlace).where(BackupPlace.every_seconds.is_not(None))):
        every = timedelta(seconds=place.every_seconds or 0)
        rested = place.begun_at is None or not timedelta() <= moment - place.begun_at < min(every, RETRY)
        if rested and (place.finished_at is None or not timedelta() <= moment - place.finished_at < every):
            return place
    return None


def is_overdue(place: BackupPlace) -> bool:
    """Whether a scheduled backup was not made twice in a row."""
    if place.every_seconds is None:
        return False
    return place.finished_at is None or now() - place.finished_at > timedelta(seconds=2 * place.every_seconds)


def note_begin(project: ProjectFolder, path: Path, kind: str) -> None:
    """Note that a backup begins. On a full disk it is made without the note."""
    try:
        with project.database.write() as session:
            _place(session, path, kind).begun_at = now()
    except NoRoom:
        return


def note_end(project: ProjectFolder, path: Path, kind: str, error: str | None = None) -> None:
    """Note how a backup ended, and which backups are there."""
    generations = [{"name": name, "created_at": created_at} for name, created_at in _generations(path, kind)]
    try:
        with project.database.write() as session:
            place = _place(session, path, kind)
            place.error = error
            if error is None:
                place.finished_at = now()
            if error is None or generations:
                place.generations = generations
    except NoRoom:
        return


def known_backups(session: Session) -> Iterator[KnownBackup]:
    """Yield all backups: as they are where the place can be reached, and as they were noted where it cannot."""
    for place in list_places(session):
        path = Path(place.path)
        reached = BackupFolder.is_one(path) if place.kind == "folder" else path.is_file()
        noted = [(str(g["name"]), str(g["created_at"])) for g in place.generations]
        if not reached and path.parent.is_dir() and place.kind == "archive":
            continue  # it was deleted
        for name, created_at in (
            _generations(path, place.kind) if reached and place.kind == "folder" else noted
        ):
            folder = path / name if place.kind == "folder" else path
            yield KnownBackup(place, folder, name, datetime.fromisoformat(created_at), reached)


def _generations(path: Path, kind: str) -> list[tuple[str, str]]:
    if kind == "archive":
        return [(path.name, utc_text(now()))] if path.is_file() else []
    return [(g.name, g.created_at) for g in reversed(BackupFolder(path).generations())]


def _place(session: Session, path: Path, kind: str) -> BackupPlace:
    place = session.scalar(select(BackupPlace).where(BackupPlace.path == str(path)))
    if place is None:
        place = BackupPlace(path=str(path), kind=kind, generations=[])
        session.add(place)
        session.flush()
    return place
