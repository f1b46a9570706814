"""Assigning images to people: all open images in shares, or the images of a view; previewed, made, released.

An assignment is made in small steps: its images get their pool a batch at a time, while labellers go on, and it holds from the
last step on. If that is interrupted nothing holds, and the next assignment may take the images. Leases stay as they are: who is
labelling an image keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from annotator.domain.states import AssignmentState
from annotator.errors import Conflict, NotFound, WrongUse
from annotator.models import Assignment, AssignmentPerson, AssignmentPool, Image, Labeller, now
from annotator.project import ProjectFolder
from annotator.services.common.counted import COUNTED
from annotator.services.tasks.assigned import count_pool, unassigned
from annotator.services.team.assignment_plan import Stretch, Wanted, share_out

_BATCH = 2000
"""Images of one writing transaction, which takes some hundredths of a second."""
_LISTED = 50


@dataclass(frozen=True)
class PoolProgress:
    """How far some people are. `names`: who; `done`: None once it is released; `absent`: none of them can log in any more, so everybody gets these images."""

    people: tuple[int, ...]
    names: tuple[str, ...]
    share: float | None
    images: int
    done: int | None
    absent: bool


@dataclass(frozen=True)
class PastAssignment:
    """An assignment, for the list. `view`: the filters; None: all open images."""

    number: int
    state: str
    by: str
    created_at: datetime
    released_at: datetime | None
    view: dict[str, Any] | None
    covers_new: bool
    parts: tuple[PoolProgress, ...]


def assign(project: ProjectFolder, labeller_id: int, key: str, wanted: Wanted) -> int:
    """Assign images. A repetition with the same key changes nothing, or completes what was interrupted.

    Args:
        project: the project.
        labeller_id: who does it.
        key: the idempotency key.
        wanted: what is assigned to whom.

    Returns:
        The number of the assignment.

    Raises:
        Conflict: if the key was used for another request, or another assignment was released meanwhile.
        WrongUse: if nobody is named, the shares are wrong, or there is no image to assign.
        NotFound: if there is no such labeller, or one of them cannot log in.
        FacelabelError: if a filter has an attribute or a value that is not in the schema.
    """
    with project.database.read() as session:
        row = session.scalar(select(Assignment).where(Assignment.key == key))
        if row is not None and row.fingerprint != wanted.fingerprint():
            raise Conflict(
                "key_reused", "This Idempotency-Key belongs to another request.", do="Use a new key."
            )
        if row is not None and row.state != AssignmentState.PREPARING:
            return row.id
        parts = share_out(project, session, wanted)
    if not any(part.images for part in parts):
        raise WrongUse(
            "nothing_to_assign",
            "There is no open image that is not assigned already.",
            kept="Nothing was changed.",
            do="Choose other images, or release an assignment first.",
        )
    with project.database.write() as session:
        number, pools = _begin(session, labeller_id, key, wanted, parts)
    sizes = [_fill(project, pool, part.images) for pool, part in zip(pools, parts, strict=True)]
    with project.database.write() as session:
        for pool, size in zip(pools, sizes, strict=True):
            session.get_one(AssignmentPool, pool).images = size
        session.get_one(Assignment, number).state = AssignmentState.ACTIVE
    return number


def release(project: ProjectFolder, number: int) -> None:
    """End an assignment: everybody gets its open images again at once. Releasing it again changes nothing.

    Raises:
        NotFound: if there is no such assignment.
    """
    with project.database.write() as session:
        row = session.get(Assignment, number)
        if row is None or row.state == AssignmentState.PREPARING:
            raise NotFound(
                "unknown_assignment",
                f"There is no assignment {number}.",
                do="GET /api/v1/team/assignments lists them.",
            )
        if row.state == AssignmentState.RELEASED:
            return
        row.state, row.released_at = AssignmentState.RELEASING, row.released_at or now()
        pools = list(session.scalars(select(AssignmentPool.id).where(AssignmentPool.assignment_id == number)))
        for pool in pools:
            session.get_one(AssignmentPool, pool).images = count_pool(session, pool)[0]
    _clear(project, pools)
    with project.database.write() as session:
        session.get_one(Assignment, number).state = AssignmentState.RELEASED


def list_assignments(session: Session) -> list[PastAssignment]:
    """List the last assignments, newest first, with the progress of those that hold."""
    query = (
        select(Assignment, Labeller.name)
        .join(Labeller, Labeller.id == Assignment.labeller_id)
        .where(Assignment.state != AssignmentState.PREPARING)
        .order_by(Assignment.id.desc())
        .limit(_LISTED)
    )
    return [
        PastAssignment(
            row.id,
            AssignmentState.ACTIVE if row.state == AssignmentState.ACTIVE else AssignmentState.RELEASED,
            by,
            row.created_at,
            row.released_at,
            row.view,
            row.covers_new,
            tuple(_progress(session, row)),
        )
        for row, by in session.execute(query).all()
    ]


def _progress(session: Session, row: Assignment) -> Iterator[PoolProgress]:
    query = (
        select(AssignmentPool, Labeller.id, Labeller.name, Labeller.active)
        .join(AssignmentPerson, AssignmentPerson.pool_id == AssignmentPool.id)
        .join(Labeller, Labeller.id == AssignmentPerson.labeller_id)
        .where(AssignmentPool.assignment_id == row.id)
        .order_by(AssignmentPool.id, Labeller.id)
    )
    members: dict[AssignmentPool, list[tuple[int, str, bool]]] = {}
    for pool, number, name, active in session.execute(query):
        members.setdefault(pool, []).append((number, name, active))
    for pool, people in members.items():
        images, done = pool.images, None
        if row.state == AssignmentState.ACTIVE:
            images, still_open = count_pool(session, pool.id)
            done = images - still_open
        yield PoolProgress(
            tuple(number for number, _, _ in people),
            tuple(name for _, name, _ in people),
            pool.share,
            images,
            done,
            absent=not any(active for _, _, active in people),
        )


def _begin(
    session: Session,
    labeller_id: int,
    key: str,
    wanted: Wanted,
    parts: list[Stretch],
) -> tuple[int, list[int]]:
    """Add the rows of an assignment that does not hold yet; return its number and those of its pools."""
    row = session.scalar(select(Assignment).where(Assignment.key == key))
    if row is None:
        row = Assignment(
            key=key, fingerprint=wanted.fingerprint(), state=AssignmentState.PREPARING, labeller_id=labeller_id,
            view=wanted.view, covers_new=wanted.covers_new, created_at=now(), released_at=None,
        )  # fmt: skip
        session.add(row)
        session.flush()
    pools = []
    for part in parts:
        pool = AssignmentPool(
            assignment_id=row.id, share=part.share, first=part.first, end=part.end, images=0
        )
        session.add(pool)
        session.flush()
        session.add_all(AssignmentPerson(pool_id=pool.id, labeller_id=person) for person in part.people)
        pools.append(pool.id)
    return row.id, pools


def _fill(project: ProjectFolder, pool: int, images: list[int]) -> int:
    """Put images into a pool, those that are still open and not assigned; return how many there were."""
    size = 0
    for start in range(0, len(images), _BATCH):
        with project.database.write(durable=False) as session:
            query = update(Image).where(
                Image.id.in_(images[start : start + _BATCH]),
                Image.open_cells > 0,
                COUNTED,
                unassigned(session),
            )
            size += int(session.connection().execute(query.values(pool_id=pool)).rowcount)
    return size


def _clear(project: ProjectFolder, pools: list[int]) -> None:
    """Take the mark of pools from their images."""
    while True:
        with project.database.write(durable=False) as session:
            query = select(Image.id).where(Image.pool_id.in_(pools)).limit(_BATCH)
            images = list(session.scalars(query))
            session.execute(update(Image).where(Image.id.in_(images)).values(pool_id=None))
        if len(images) < _BATCH:
            return
