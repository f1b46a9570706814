"""Claims: rows that say which worker does what, so that several workers share the work of a project and each job is done once.

A worker is a row that it renews every few seconds, and a claim is a row that refers to it. A claim ends when it is released, or
with its worker: another worker that finds it gone removes its row, and the claims with it. A worker of the same machine is gone
when the lock on its file is free, at once. Any other is gone when its row has not changed for `lost_seconds` by the clock of the
one that looks, so the clocks of machines need not agree.

A worker that was only slow may still run. Every transaction that commits within a claim therefore checks the claim last. If it is
gone, nothing is committed and the job ends with `LostClaimError` (a fencing token: Kleppmann, Designing Data-Intensive
Applications, 2017, chapter 8).
"""

from __future__ import annotations

import fcntl
import logging
import os
import platform
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, delete, event, or_, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from annotator.database import Database
from annotator.errors import FacelabelError
from annotator.models import Claim, Worker, now
from annotator.project import ProjectFolder

LOST_SECONDS = 30.0
"""After how long without a sign of life a worker of another machine is taken for lost."""
BEATS = 6
"""Signs of life within that time."""
ERASURE = "erasure"
"""The claim of the worker or command that completes erasures. Meanwhile nobody claims anything else."""
_ENDED_FOR_ERASURES = ("import", "train", "analyses")
"""Claims that an erasure waits for, besides those of features."""
_log = logging.getLogger("facelabel")


class LostClaimError(Exception):
    """Another worker took this one for lost and has its job now; nothing of it may be written any more."""


@dataclass(frozen=True)
class Held:
    """A claim of this process."""

    name: str
    token: str


_HELD: ContextVar[tuple[Held, ...]] = ContextVar("held", default=())
"""The claims within which the current code runs."""


@event.listens_for(Session, "before_commit")
def _check_claims(session: Session) -> None:
    """Refuse a commit within a claim that is lost. The row stays locked until the commit, so nobody takes it meanwhile."""
    for held in _HELD.get():
        query = select(Claim.token).where(Claim.name == held.name, Claim.token == held.token)
        if session.connection().scalar(query.with_for_update()) is None:
            raise LostClaimError(held.name)


@contextmanager
def _within(*claims: Held) -> Iterator[None]:
    """Check these claims, and no others, before each commit."""
    before = _HELD.set(claims)
    try:
        yield
    finally:
        _HELD.reset(before)


@dataclass(frozen=True)
class _Identity:
    """What this process is called as a worker, and the file whose lock shows that it lives."""

    id: str
    path: Path
    file: IO[str]


class Member:
    """This process as one of the workers of a project; use `joined`.

    Args:
        project: the project.
        kinds: the kinds of work that it takes, for people.
        lost_seconds: after how long without a sign of life another worker is taken for lost.
    """

    def __init__(self, project: ProjectFolder, kinds: Iterable[str], lost_seconds: float) -> None:
        self._database, self._folder = project.database, project.path / "workers"
        self._kinds, self._lost_seconds = list(kinds), lost_seconds
        self._identity: _Identity | None = None
        self._live: set[str] = set()
        self._seen: dict[str, tuple[datetime, float]] = {}
        self._turn, self._ended = threading.RLock(), threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self.users = 0
        """How many parts of the process want it to be a worker."""

    def claim(self, name: str) -> Held | None:
        """Claim something; None if another worker, or another part of this process, has it."""
        with _within(), self._turn:
            conflicting = Claim.name == name
            if name == ERASURE:
                ended = Claim.name.in_(_ENDED_FOR_ERASURES), Claim.name.like("features/%")
                conflicting = or_(conflicting, *ended)
            if self._ended.is_set() or not self._are_free(conflicting):
                return None
            identity, held = self._registered(), Held(name, secrets.token_hex(8))
            try:
                with self._database.write(durable=False) as session:
                    row = Claim(name=name, worker_id=identity.id, token=held.token, since=now())
                    session.add(row)
                    session.flush()
            except (
                IntegrityError
            ):  # another one was faster, or this one was taken for lost: the next heartbeat sees it
                return None
            self._live.add(held.token)
            # The same look again, because two of them may have claimed at once.
            others = conflicting & (Claim.name != name) if name == ERASURE else Claim.name == ERASURE
            if not self._are_free(others):
                self.release(held)
                return None
            return held

    def release(self, *claims: Held) -> None:
        """Give claims up; those that were lost are gone already."""
        tokens = [held.token for held in claims]
        self._live.difference_update(tokens)
        with _within(), suppress(FacelabelError), self._database.write(durable=False) as session:
            session.execute(delete(Claim).where(Claim.token.in_(tokens)))

    def keeps(self, held: Held) -> bool:
        """Whether this process still has a claim."""
        with self._database.read() as session:
            query = select(Claim.name).where(Claim.name == held.name, Claim.token == held.token)
            return session.connection().scalar(query) is not None

    def is_live(self, held: Held) -> bool:
        """The same without a look at the database: as of the last heartbeat."""
        return held.token in self._live

    def close(self) -> None:
        """End this worker; its claims are free."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        with _within(), self._turn:
            self._resign()

    def _registered(self) -> _Identity:
        if self._identity is None:
            self._folder.mkdir(exist_ok=True)
            number = secrets.token_hex(8)
            path = self._folder / number
            file = path.open("w")
            fcntl.flock(file, fcntl.LOCK_EX)
            self._identity = _Identity(number, path, file)
            moment = now()
            with self._database.write(durable=False) as session:
                session.add(Worker(
                    id=number, name=f"{platform.node()}:{os.getpid()}", machine=machine(), kinds=self._kinds, started_at=moment,
                    seen_at=moment,
                ))  # fmt: skip
            self._remove_gone()
            if not self._thread.is_alive():
                self._thread.start()
        return self._identity

    def _resign(self) -> None:
        if self._identity is not None:
            identity, self._identity = self._identity, None
            self._live.clear()
            # Whatever fails here, others find the lock of the file free and remove the row.
            with suppress(FacelabelError, SQLAlchemyError):
                with self._database.write(durable=False) as session:
                    session.execute(delete(Worker).where(Worker.id == identity.id))
                identity.path.unlink(missing_ok=True)
            identity.file.close()

    def _beat(self) -> None:
        """Give signs of life and look for those of the others, until the end."""
        while not self._ended.wait(self._lost_seconds / BEATS):
            try:
                with self._turn:
                    if self._identity is not None and not self._renew(self._identity):
                        _log.warning(
                            "this worker was taken for lost; it stops what it was doing and joins again"
                        )
                        self._resign()
                        self._registered()
                    self._remove_gone()
            except (FacelabelError, SQLAlchemyError) as error:  # the next beat tries again
                _log.warning("no sign of life could be written: %s", str(error).replace("\n", " "))

    def _renew(self, identity: _Identity) -> bool:
        with self._database.write(durable=False) as session:
            renewed = update(Worker).where(Worker.id == identity.id).values(seen_at=now())
            return session.scalar(renewed.returning(Worker.id)) is not None

    def _are_free(self, conflicting: ColumnElement[bool]) -> bool:
        """Whether nobody has one of these claims; the claims of a worker that is gone end."""
        with self._database.read() as session:
            query = select(Claim, Worker).join(Worker, Worker.id == Claim.worker_id)
            rows = session.execute(query.where(conflicting)).all()
        for claim, worker in rows:
            if self._identity is not None and worker.id == self._identity.id:
                if claim.token in self._live:
                    return False
                self.release(Held(claim.name, claim.token))  # there was no room to release it before
            elif not self._remove_if_gone(worker):
                return False
        return True

    def _remove_gone(self) -> None:
        with self._database.read() as session:
            workers = list(session.scalars(select(Worker)))
        for worker in workers:
            if self._identity is None or worker.id != self._identity.id:
                self._remove_if_gone(worker)

    def _remove_if_gone(self, worker: Worker) -> bool:
        """Remove the row of a worker that is gone, unless it shows life meanwhile; return whether it is gone."""
        if not self._is_gone(worker):
            return False
        same = delete(Worker).where(Worker.id == worker.id, Worker.seen_at == worker.seen_at)
        with self._database.write(durable=False) as session:
            is_removed = session.scalar(same.returning(Worker.id)) is not None
        if is_removed:
            _log.warning("the worker %s is gone; others continue what it was doing", worker.name)
            self._seen.pop(worker.id, None)
            (self._folder / worker.id).unlink(missing_ok=True)
        return is_removed

    def _is_gone(self, worker: Worker) -> bool:
        if worker.machine == machine() and _is_unlocked(self._folder / worker.id):
            return True
        seen_at, since = self._seen.get(worker.id, (None, 0.0))
        if seen_at != worker.seen_at:
            self._seen[worker.id] = worker.seen_at, time.monotonic()
            return False
        return time.monotonic() - since >= self._lost_seconds


def _is_unlocked(path: Path) -> bool:
    """Whether a worker's file is there and nobody holds its lock."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, FileNotFoundError):
        return False
    return True


def machine() -> str:
    """Return what names the running system: processes with the same name see each other's file locks."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return platform.node()


_MEMBERS: WeakKeyDictionary[Database, Member] = WeakKeyDictionary()
_JOINING = threading.Lock()


@contextmanager
def joined(
    project: ProjectFolder, kinds: Iterable[str] = (), lost_seconds: float = LOST_SECONDS
) -> Iterator[Member]:
    """Make this process a worker of the project; all parts of a process that join are the same one.

    Args:
        project: the project.
        kinds: as of `Member`; none: it is a command.
        lost_seconds: as of `Member`.
    """
    database = project.database
    with _JOINING:
        member = _MEMBERS.get(database)
        if member is None:
            member = _MEMBERS[database] = Member(project, kinds, lost_seconds)
        member.users += 1
    try:
        yield member
    finally:
        with _JOINING:
            member.users -= 1
            is_last = member.users == 0
            if is_last:
                del _MEMBERS[database]
        if is_last:
            member.close()


@contextmanager
def claimed(project: ProjectFolder, name: str) -> Iterator[Held | None]:
    """Try to claim something for the duration; gives None if another worker, or another part of this process, has it.

    Raises:
        LostClaimError: from the first commit after another worker has taken this one for lost.
    """
    with joined(project) as member:
        held = member.claim(name)
        if held is None:
            yield None
            return
        try:
            with _within(*_HELD.get(), held):
                yield held
        finally:
            member.release(held)


class Duty:
    """Something that a worker looks after for as long as it can: the claim is kept between two steps.

    Args:
        member: the worker.
        name: the claim.
    """

    def __init__(self, member: Member, name: str) -> None:
        self.name = name
        self._member = member
        self._held: Held | None = None

    @contextmanager
    def taken(self) -> Iterator[bool]:
        """Give whether this worker has the duty; what is committed meanwhile needs it.

        Raises:
            LostClaimError: as of `claimed`; the next call may take the duty again.
        """
        if self._held is None or not self._member.is_live(self._held):
            self._held = self._member.claim(self.name)
        if self._held is None:
            yield False
            return
        try:
            with _within(*_HELD.get(), self._held):
                yield True
        except LostClaimError:
            self._held = None
            raise

    def release(self) -> None:
        """Let another worker have the duty."""
        if self._held is not None:
            held, self._held = self._held, None
            self._member.release(held)


@dataclass(frozen=True)
class WorkerState:
    """A worker and its claims, oldest first: their names, and since when it has them."""

    name: str
    kinds: list[str]
    started_at: datetime
    seen_at: datetime
    claims: list[tuple[str, datetime]]


def list_workers(session: Session) -> list[WorkerState]:
    """List the workers of the project, and the commands that do their work, oldest first."""
    claims: dict[str, list[tuple[str, datetime]]] = {}
    for claim in session.scalars(select(Claim).order_by(Claim.since, Claim.name)):
        claims.setdefault(claim.worker_id, []).append((claim.name, claim.since))
    workers = session.scalars(select(Worker).order_by(Worker.started_at, Worker.id))
    return [WorkerState(w.name, w.kinds, w.started_at, w.seen_at, claims.get(w.id, [])) for w in workers]
