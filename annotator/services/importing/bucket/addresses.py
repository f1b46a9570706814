"""The addresses that a worker lists every so often, when the next listing is due, and what the last one came to in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from annotator.domain.plurals import counted
from annotator.domain.timestamps import ago, every_text
from annotator.errors import WrongUse
from annotator.models import WatchedAddress, now
from annotator.services.importing.bucket.objects import CHANGED
from annotator.services.importing.reports import ImageReport

RETRY = timedelta(minutes=10)
"""After how long a listing that failed is tried again, at the latest."""
_NAMED = 3


@dataclass(frozen=True)
class WatchStatus:
    """A watched address. `problem`: what is wrong, in sentences, "" if nothing; `text`: the rest in words."""

    url: str
    every_seconds: int
    last_at: datetime | None
    problem: str
    text: str


def watch_address(session: Session, url: str, every: timedelta, report: ImageReport, lost: list[str]) -> None:
    """Let the worker list an address that was just imported every so often.

    Args:
        session: a session that writes.
        url: the address.
        every: how often.
        report: of the import.
        lost: names of objects that are gone.
    """
    row = session.scalar(select(WatchedAddress).where(WatchedAddress.url == url))
    if row is None:
        row = WatchedAddress(url=url)
        session.add(row)
    row.every_seconds = int(every.total_seconds())
    session.flush()
    end_listing(session, row.id, report, lost)


def end_watch(session: Session, url: str) -> None:
    """Let nobody list an address any more; its images stay.

    Raises:
        WrongUse: if nobody does.
    """
    removed = delete(WatchedAddress).where(WatchedAddress.url == url).returning(WatchedAddress.id)
    if session.scalar(removed) is None:
        raise WrongUse("not_watched", f"{url} is not watched.", do="The import page lists what is.")


def due_address(session: Session) -> WatchedAddress | None:
    """Return an address whose next listing is due; None if there is none. A time in the future counts as due: the clock was wrong."""
    moment = now()
    for row in session.scalars(select(WatchedAddress).order_by(WatchedAddress.begun_at)):
        every = timedelta(seconds=row.every_seconds)
        rested = row.begun_at is None or not timedelta() <= moment - row.begun_at < min(every, RETRY)
        if rested and (row.finished_at is None or not timedelta() <= moment - row.finished_at < every):
            return row
    return None


def begin_listing(session: Session, number: int) -> None:
    """Note that a listing begins."""
    if (row := session.get(WatchedAddress, number)) is not None:
        row.begun_at = now()


def give_listing_back(session: Session, number: int) -> None:
    """Note that a listing was stopped before its end: it is due at once."""
    if (row := session.get(WatchedAddress, number)) is not None:
        row.begun_at = None


def fail_listing(session: Session, number: int, error: str) -> None:
    """Note why a listing failed."""
    if (row := session.get(WatchedAddress, number)) is not None:
        row.error = error


def end_listing(session: Session, number: int, report: ImageReport, lost: list[str]) -> None:
    """Note what a whole listing came to. A watch that was ended meanwhile stays ended.

    Args:
        session: a session that writes.
        number: of the row.
        report: of the import of what is new.
        lost: names of objects that are gone.
    """
    row = session.get(WatchedAddress, number)
    if row is None:
        return
    changed = [name for name, reason in report.refused if reason == CHANGED]
    refused = [f"{name} {reason}" for name, reason in report.refused if reason != CHANGED]
    row.error, row.begun_at, row.finished_at = None, row.begun_at or now(), now()
    row.report = {
        "images": report.found - report.left_aside,
        "imported": report.imported,
        **{
            kind: {"count": len(names), "first": names[:_NAMED]}
            for kind, names in (("changed", changed), ("lost", lost), ("refused", refused))
        },
    }


def list_watched(session: Session) -> list[WatchStatus]:
    """List the watched addresses."""
    return [_status(row) for row in session.scalars(select(WatchedAddress).order_by(WatchedAddress.id))]


def _status(row: WatchedAddress) -> WatchStatus:
    present, report = now(), row.report or {}
    text = f"{row.url}: listed every {every_text(row.every_seconds)}"
    if row.finished_at is not None:
        text += f", last {ago(row.finished_at, present)}"
        text += (
            f": {counted(report['images'], 'image', 'images')} there, {report['imported']:,} of them new then"
        )
    problems = [f"The last try failed: {row.error}"] if row.error else []
    if row.finished_at is None or present - row.finished_at > timedelta(seconds=2 * row.every_seconds):
        problems.append("The next listing is overdue; is a worker running?")
    problems += _of_objects(report)
    problem = f"{row.url}: {' '.join(problems)}" if problems else ""
    return WatchStatus(row.url, row.every_seconds, row.finished_at, problem, f"{text}.")


def _of_objects(report: dict[str, Any]) -> list[str]:
    """What is wrong with objects that the last whole listing found, or did not find."""
    sentences = {
        "changed": (
            "1 object has other bytes than at its import, so its image has lost its file: {}.",
            "{} objects have other bytes than at their import, so their images have lost their files: {}.",
        ),
        "lost": (
            "1 object is gone, so its image has lost its file: {}.",
            "{} objects are gone, so their images have lost their files: {}.",
        ),
        "refused": ("1 object was refused: {}.", "{} objects were refused: {}."),
    }
    problems = []
    for kind, (one, many) in sentences.items():
        count, first = report.get(kind, {"count": 0, "first": []}).values()
        names = ", ".join(first) + (" …" if count > len(first) else "")
        if count:
            problems.append(one.format(names) if count == 1 else many.format(f"{count:,}", names))
    return problems
