"""The access log: who logged in, changed accounts or settings, took data out, and saw which image's answers.

An entry names accounts and images by number, and files and snapshots by the names that the project gave them. It never
holds a password, a token, an answer or the name of a person, so that neither the erasure of an image nor the deletion of an
account has anything to remove here. A name that no account has is not stored: people type passwords into that field.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from annotator.database import Database
from annotator.models import AccessEntry, Labeller, now

KEPT = timedelta(days=400)
"""Entries of the table are deleted after so long: a little more than a year."""
_PRUNED_EVERY = 256
COMMAND = "command"
"""The address of what a command on the server's machine did."""


class AccessKind(StrEnum):
    """The kinds of entries that a reader can choose from."""

    LOGIN = "login"
    ACCOUNT = "account"
    SETTING = "setting"
    EXPORT = "export"
    ERASURE = "erasure"
    TAKE_BACK = "take-back"
    CERTIFICATE = "certificate"
    ANSWERS = "answers"


class Event(StrEnum):
    """What happened. Programs that read the file know an entry by it."""

    LOGIN = "login"
    LOGIN_FAILED = "login failed"
    LOGIN_BLOCKED = "login blocked"
    LOGOUT = "logout"
    SESSION_ENDED = "session ended"
    ACCOUNT_ADDED = "account added"
    ACCOUNT_CHANGED = "account changed"
    ACCOUNT_DELETED = "account deleted"
    PASSWORD_CHANGED = "password changed"  # noqa: S105 - not a password
    IDENTITY_LINKED = "identity linked"
    IDENTITY_UNLINKED = "identity unlinked"
    TOKEN_MADE = "token made"  # noqa: S105
    TOKEN_REVOKED = "token revoked"  # noqa: S105
    SETTINGS_CHANGED = "settings changed"
    SCHEMA_CHANGED = "schema changed"
    SPLITS_CHANGED = "splits changed"
    SNAPSHOT_TAKEN = "snapshot taken"
    SNAPSHOT_DELETED = "snapshot deleted"
    EXPORTED = "exported"
    DOWNLOADED = "downloaded"
    ERASED = "erased"
    CERTIFICATE_MADE = "certificate made"
    CERTIFICATE_DECIDED = "certificate decided"
    CERTIFICATE_UNDONE = "certificate undone"
    TAKE_BACK = "take-back"
    TAKE_BACK_UNDONE = "take-back undone"
    ANSWERS_SEEN = "answers seen"

    @property
    def kind(self) -> AccessKind:
        """The kind of this event."""
        return _KINDS[self]


_KINDS = {
    **dict.fromkeys(
        (Event.LOGIN, Event.LOGIN_FAILED, Event.LOGIN_BLOCKED, Event.LOGOUT, Event.SESSION_ENDED),
        AccessKind.LOGIN,
    ),
    **dict.fromkeys(
        (
            Event.ACCOUNT_ADDED, Event.ACCOUNT_CHANGED, Event.ACCOUNT_DELETED,
            Event.PASSWORD_CHANGED, Event.IDENTITY_LINKED, Event.IDENTITY_UNLINKED, Event.TOKEN_MADE, Event.TOKEN_REVOKED,
        ),
        AccessKind.ACCOUNT,
    ),
    **dict.fromkeys(
        (Event.SETTINGS_CHANGED, Event.SCHEMA_CHANGED, Event.SPLITS_CHANGED), AccessKind.SETTING
    ),
    **dict.fromkeys(
        (Event.SNAPSHOT_TAKEN, Event.SNAPSHOT_DELETED, Event.EXPORTED, Event.DOWNLOADED), AccessKind.EXPORT
    ),
    Event.ERASED: AccessKind.ERASURE,
    **dict.fromkeys((Event.TAKE_BACK, Event.TAKE_BACK_UNDONE), AccessKind.TAKE_BACK),
    **dict.fromkeys(
        (Event.CERTIFICATE_MADE, Event.CERTIFICATE_DECIDED, Event.CERTIFICATE_UNDONE), AccessKind.CERTIFICATE
    ),
    Event.ANSWERS_SEEN: AccessKind.ANSWERS,
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One entry, for a reader. `who`: today's name of the account; empty if nobody was logged in."""

    id: int
    at: datetime
    kind: str
    event: str
    who: str
    address: str
    target: str


@dataclass(frozen=True)
class Entries:
    """Entries, newest first. `next`: what to send as `before` for older ones; None at the end."""

    entries: list[Entry]
    next: int | None


def record(session: Session, labeller_id: int | None, address: str, event: Event, target: str = "") -> None:
    """Add an entry in the transaction of what it tells, so that neither is there without the other.

    Args:
        session: a writing session.
        labeller_id: who did it; None if nobody is logged in.
        address: the client's network address, or `COMMAND`.
        event: what happened.
        target: to what.
    """
    record_all(session, [(now(), labeller_id, address, event, target)])


def record_command(database: Database, event: Event, target: str = "") -> None:
    """Add an entry about what a command on the server's machine did."""
    with database.write() as session:
        record(session, None, COMMAND, event, target)


def record_all(session: Session, entries: Iterable[tuple[datetime, int | None, str, Event, str]]) -> None:
    """Add entries, each with its time; `record` explains the rest."""
    for at, labeller_id, address, event, target in entries:
        values = {
            "at": at, "kind": event.kind, "labeller_id": labeller_id,
            "address": address, "event": event, "target": target[:200],
        }  # fmt: skip
        number = session.execute(insert(AccessEntry).values(**values).returning(AccessEntry.id)).scalar_one()
        if number % _PRUNED_EVERY == 0:
            session.execute(delete(AccessEntry).where(AccessEntry.at < now() - KEPT))


def read_access_log(
    session: Session,
    *,
    account: int | None = None,
    kind: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> Entries:
    """Read the access log, newest first.

    Args:
        session: a session.
        account: only what this account did, and failed log-ins with its name.
        kind: only entries of this kind.
        before: only entries with a lower number.
        limit: at most so many.
    """
    columns = (
        AccessEntry.id, AccessEntry.at, AccessEntry.kind, AccessEntry.event,
        Labeller.name, AccessEntry.address, AccessEntry.target,
    )  # fmt: skip
    query = select(*columns).outerjoin(Labeller, Labeller.id == AccessEntry.labeller_id)
    if account is not None:
        query = query.where(AccessEntry.labeller_id == account)
    if kind is not None:
        query = query.where(AccessEntry.kind == kind)
    if before is not None:
        query = query.where(AccessEntry.id < before)
    rows = session.execute(query.order_by(AccessEntry.id.desc()).limit(limit + 1)).all()
    entries = [Entry(*row[:4], row[4] or "", *row[5:]) for row in rows[:limit]]
    return Entries(entries, entries[-1].id if len(rows) > limit else None)
