"""What a project says about its backups, in whole sentences: the commands and the page say the same."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from annotator.database import Session
from annotator.domain.plurals import counted
from annotator.domain.timestamps import ago, every_text, utc_text
from annotator.models import BackupPlace, now
from annotator.project import ProjectFolder
from annotator.services.backups.places import is_overdue, known_backups, list_places


@dataclass(frozen=True)
class PlaceStatus:
    """A place with backups: when the last one was made, what the last try came to, and the backups, newest first."""

    path: str
    kind: str
    every_seconds: int | None
    keep: int | None
    last_at: str | None
    error: str | None
    overdue: bool
    reached: bool
    generations: list[dict[str, str]]
    text: str


@dataclass(frozen=True)
class BackupStatus:
    """When the last backup was made, whether something is wrong, and the places."""

    text: str
    last_at: str | None
    problem: str
    places: list[PlaceStatus]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def read_status(project: ProjectFolder) -> BackupStatus:
    """Read what is known of the backups; folders that can be reached are looked at."""
    with project.database.read() as session:
        return status_of(session)


def status_of(session: Session) -> BackupStatus:
    """The same with a session."""
    backups = list(known_backups(session))
    places = []
    for row in list_places(session):
        own = sorted((b for b in backups if b.place.id == row.id), key=lambda b: b.created_at, reverse=True)
        if row.kind == "archive" and not own:
            continue  # it was deleted
        places.append(_place(row, [{"name": b.name, "created_at": utc_text(b.created_at)} for b in own]))
    times = [b.created_at for b in backups]
    last = max(times) if times else None
    text = f"The last backup was made {ago(last, now())}." if last else "No backup has been made yet."
    problems = [place.text for place in places if place.error or place.overdue]
    return BackupStatus(text, utc_text(last) if last else None, " ".join(problems), places)


def _place(row: BackupPlace, generations: list[dict[str, str]]) -> PlaceStatus:
    reached = Path(row.path).exists()
    texts = [f"{row.path}: {counted(len(generations), 'backup', 'backups')}"]
    if row.finished_at:
        texts.append(f"the last one {ago(row.finished_at, now())}")
    if row.every_seconds is not None:
        keeps = f", {row.keep} are kept" if row.keep else ""
        texts.append(f"one every {every_text(row.every_seconds)}{keeps}")
    if not reached:
        texts.append("the place cannot be reached now")
    if is_overdue(row):
        texts.append("the next one is overdue; is a worker running?")
    text = ", ".join(texts) + "."
    if row.error:
        text += f" The last try failed: {row.error}"
    last = utc_text(row.finished_at) if row.finished_at else None
    return PlaceStatus(
        row.path, row.kind, row.every_seconds, row.keep, last, row.error, is_overdue(row), reached, generations, text
    )  # fmt: skip
