"""Erasing for good: begun by a transaction, completed by the next worker or command, all or nothing over a kill.

1. One transaction deletes the rows and adds the journal's row with what must follow. Before it nothing has changed; after
   it the project does not have the image any more.
2. The files go. Every step can be repeated. No import, round or analysis of a round may run, and no features may be computed.
3. The receipt is written, and the journal forgets the names.
4. The database is written anew, so that its free pages and its log hold nothing of it.

The worker completes what is unfinished before it does anything else, and a running round or import stops for it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, func, insert, null, select, update
from sqlalchemy.orm import Session

from annotator.domain.schema import canonical_json
from annotator.domain.states import UNFINISHED, ErasureState
from annotator.domain.timestamps import utc_text
from annotator.errors import Conflict, NotFound
from annotator.files import write_atomically
from annotator.models import Certificate, Erasure, Image, Round, StoredStatistics, TakeBack, Tombstone, now
from annotator.project import ProjectFolder
from annotator.project_cache import CacheKind
from annotator.services.common.claims import ERASURE, claimed
from annotator.services.common.job_queue import analysis_lock
from annotator.services.erasure.copies import find_copies, remove_copies
from annotator.services.erasure.files import ForgetFeatures, erase_files
from annotator.services.erasure.rows import count_rows, delete_rows, update_predictions
from annotator.services.erasure.scope import Request, Scope, scope_of

_CHANGES = select(
    func.count(Erasure.id),
    func.count(Erasure.scope),
    func.count(Erasure.finished_at),
    select(func.coalesce(func.sum(TakeBack.turns), 0)).scalar_subquery(),
    select(func.count())
    .where(Certificate.ended_at.is_not(None), Certificate.covered_to == 0)
    .scalar_subquery(),
)
_CHECK_SECONDS = 0.25
_SEEN = CacheKind[str, tuple[int, int, int, int, int]](size=1)


def preview_erasure(project: ProjectFolder, request: Request) -> dict[str, Any]:
    """Say what an erasure would remove, as plain values: counts by table, names, photos that stay, copies that hold it.

    Raises:
        NotFound: if there is no such image or person.
    """
    with project.database.read() as session:
        scope = scope_of(session, request)
        rows = count_rows(session, scope)
        running = session.scalar(select(func.count()).select_from(Round).where(Round.state.in_(UNFINISHED)))
        names = list(
            session.scalars(select(Image.name).where(Image.id.in_(scope.ids[:_SHOWN])).order_by(Image.id))
        )
    return {
        "what": scope.what,
        "images": len(scope.ids),
        "first_images": names,
        "photos": len(scope.photos),
        "shared_photos": len(scope.shared_photos),
        "people": len(scope.people),
        "faces": len(scope.faces),
        "rows": rows,
        "rounds_that_start_anew": running or 0,
        "copies": [copy.as_dict() for copy in find_copies(project, scope)],
    }


_SHOWN = 20
"""Names of images that a preview shows."""


def begin_erasure(project: ProjectFolder, erased_by: str, key: str, request: Request) -> Erasure:
    """Delete the rows and note what must follow. A repetition with the same key changes nothing.

    Args:
        project: the project.
        erased_by: the name of the account that asks for it.
        key: the idempotency key.
        request: what to erase.

    Raises:
        NotFound: if there is no such image or person.
        Conflict: if the key was used for another request.
    """
    fingerprint = hashlib.sha256(canonical_json(asdict(request)).encode()).hexdigest()
    with project.database.write(references=False) as session:
        row = session.scalar(select(Erasure).where(Erasure.key == key))
        if row is not None:
            if row.receipt["request"] != fingerprint:
                raise Conflict(
                    "key_reused", "This Idempotency-Key belongs to another erasure.", do="Use a new key."
                )
            return row
        scope = scope_of(session, request)
        newest = session.scalar(select(func.max(Image.id))) or 0
        row = Erasure(
            key=key, state=ErasureState.BEGUN, erased_by=erased_by, scope=scope.as_json(), receipt={},
            newest_image=newest, created_at=now(), finished_at=None,
        )  # fmt: skip
        session.add(row)
        session.flush()
        number, begun = row.id, row.created_at
        rows = delete_rows(session, scope)
        for sha256 in (*scope.sha256, *scope.photos):
            # An image that was imported again on purpose may be erased again.
            session.execute(delete(Tombstone).where(Tombstone.sha256 == sha256))
            session.execute(insert(Tombstone).values(sha256=sha256, erasure_id=number))
        receipt = {
            "format": "facelabel-erasure",
            "version": 1,
            "number": number,
            "file": f"erasures/{number:04d}-{begun:%Y%m%dT%H%M%SZ}.json",
            "request": fingerprint,
            "what": scope.what,
            "begun_at": utc_text(begun),
            "erased_by": erased_by,
            "images": list(scope.sha256),
            "photos": list(scope.photos),
            "shared_photos": list(scope.shared_photos),
            "people": len(scope.people),
            "removed_rows": rows,
        }
        session.execute(update(Erasure).where(Erasure.id == number).values(receipt=receipt))
        session.flush()
        session.expire_all()
        row = session.get_one(Erasure, number)
    forget_caches(project)
    return row


def erasure_waits(project: ProjectFolder) -> bool:
    """Return whether an erasure is unfinished."""
    with project.database.read() as session:
        return session.connection().scalar(_UNFINISHED) is not None


_UNFINISHED = (
    select(Erasure.id).where(Erasure.state.in_([ErasureState.BEGUN, ErasureState.CLEANING])).limit(1)
)


class Interruption:
    """Whether a running round or import must stop: because the worker ends, or for an erasure, which does not wait for hours.

    Args:
        project: the project.
        stopped: whether the worker ends.
    """

    def __init__(self, project: ProjectFolder, stopped: Callable[[], bool]) -> None:
        self._project, self._stopped = project, stopped
        self._next = 0.0

    def __call__(self) -> bool:
        """Return whether it must stop; the database is asked four times a second at most."""
        if self._stopped():
            return True
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + _CHECK_SECONDS
        return erasure_waits(self._project)


def complete_erasures(project: ProjectFolder, forget_features: ForgetFeatures) -> bool:
    """Complete all unfinished erasures, unless a round, an import or an analysis is running; return whether that was so.

    Raises:
        NoRoom: if the disk has no room to write the database anew; the next call continues.
        Busy: if a reader keeps the database's log from being emptied; the next call continues.
    """
    with claimed(project, ERASURE) as held, analysis_lock(project) as alone:
        if held is None or not alone:
            return False
        with project.database.read() as session:
            rows = list(
                session.scalars(select(Erasure).where(Erasure.scope.is_not(None)).order_by(Erasure.id))
            )
        for row in rows:
            _erase_files(project, row, forget_features)
        if erasure_waits(project):
            project.database.overwrite_deleted()
            with project.database.write() as session:
                session.execute(
                    update(Erasure)
                    .where(Erasure.state == ErasureState.CLEANING)
                    .values(state=ErasureState.DONE, finished_at=now())
                )
            project.database.checkpoint()
    forget_caches(project)
    return True


def list_erasures(session: Session) -> list[Erasure]:
    """List all erasures, newest first."""
    return list(session.scalars(select(Erasure).order_by(Erasure.id.desc())))


def get_erasure(session: Session, number: int) -> Erasure:
    """Return an erasure.

    Raises:
        NotFound: if no erasure has this number.
    """
    row = session.get(Erasure, number)
    if row is None:
        raise NotFound(
            "unknown_erasure", f"There is no erasure {number}.", do="GET /api/v1/erasures lists them."
        )
    return row


def erasure_as_dict(row: Erasure) -> dict[str, Any]:
    """An erasure in plain values, without names: its state and its receipt as far as it is known."""
    return {
        "id": row.id,
        "state": row.state,
        "receipt": {k: v for k, v in row.receipt.items() if k != "request"},
    }


def forget_caches(project: ProjectFolder) -> None:
    """Forget what this process remembers of the project if something was erased, undone or opened again since the last call."""
    with project.database.read() as session:
        refresh_caches(project, session)


def refresh_caches(project: ProjectFolder, session: Session) -> None:
    """The same with a session. Every request calls it: what was erased by another process must not be shown any more."""
    cache = project.database.cache
    begun, unfinished, done, take_backs, uncovered = session.connection().execute(_CHANGES).one()
    changes = (begun, unfinished, done, take_backs, uncovered)
    if cache.get(_SEEN, "changes") != changes:
        cache.clear_all()
        cache.put(_SEEN, "changes", changes)


def _erase_files(project: ProjectFolder, row: Erasure, forget_features: ForgetFeatures) -> None:
    scope = Scope.of_json(row.scope or {})
    with project.database.read() as session:
        unfinished = list(session.scalars(select(Round.id).where(Round.state.in_(UNFINISHED))))
    removed = remove_copies(project, scope) if scope.copies else []
    files = erase_files(project, scope, unfinished, forget_features)
    copies = [copy.as_dict() for copy in find_copies(project, scope)]
    receipt = row.receipt | {
        "removed_files": files,
        "removed_copies": removed,
        "copies": copies,
        "files_gone_at": utc_text(now()),
    }
    public = {name: value for name, value in receipt.items() if name != "request"}
    write_atomically(project.path / receipt["file"], canonical_json(public).encode())
    with project.database.write() as session:
        update_predictions(session, project)
        session.execute(delete(StoredStatistics))  # a count that began before may have named an image
        session.execute(
            update(Erasure)
            .where(Erasure.id == row.id)
            .values(scope=null(), receipt=receipt, state=ErasureState.CLEANING)
        )
