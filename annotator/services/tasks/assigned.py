"""Assigned images: which of them the queue gives to whom.

An image carries the number of its pool (`Image.pool_id`), and the people of an active pool alone get it while it is open. The
queue reads the few pools once per request and walks an index pool by pool, so nobody walks through the images of others. Images
of a pool that holds no longer, or whose people have all left, go to everybody again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, true, union_all, update
from sqlalchemy.orm import Session

from annotator.domain.grouping.shares import place_of
from annotator.domain.states import AssignmentState
from annotator.models import Assignment, AssignmentPerson, AssignmentPool, Image, Labeller
from annotator.services.common.counted import COUNTED
from annotator.services.project_settings import project_settings

Pool = int | None
"""The number of a pool; None stands for the images that are not assigned."""


@dataclass(frozen=True)
class Reach:
    """Which images somebody gets while they are open.

    Args:
        pools: the pools whose images they get; those that hold no longer are among them.
        closed: the pools of other people.
        small: of these, those with fewer people than an overlapped image needs, by the number of their people.
        state: changes whenever an assignment begins or ends.
    """

    pools: tuple[int, ...] = ()
    closed: tuple[int, ...] = ()
    small: tuple[tuple[int, int], ...] = ()
    state: tuple[int, ...] = ()

    @property
    def is_limited(self) -> bool:
        """Whether some images are kept for others."""
        return bool(self.closed)

    @property
    def arms(self) -> tuple[Pool, ...]:
        """The parts of the queue to walk: the images that are not assigned, and each pool."""
        return None, *self.pools

    def allows(self) -> ColumnElement[bool]:
        """The condition that an open image is for them."""
        if not self.closed:
            return true()
        return or_(Image.pool_id.is_(None), Image.pool_id.in_(self.pools))

    def allows_opinion(self, opinions: int) -> ColumnElement[bool]:
        """The condition that they may give a further opinion.

        The people of a pool give it among themselves. Where they are too few, everybody does.

        Args:
            opinions: the number of people who answer an overlapped image.
        """
        if not self.closed:
            return true()
        pools = (*self.pools, *(pool for pool, people in self.small if people < opinions))
        return or_(Image.pool_id.is_(None), Image.pool_id.in_(pools))


EVERYTHING = Reach()
"""The reach of everybody while nothing is assigned."""


def read_reach(session: Session, labeller_id: int) -> Reach:
    """Read which images a labeller gets."""
    if not project_settings(session).is_assigned:
        return EVERYTHING
    rows = session.connection().execute(_POOLS).all()
    people: dict[int, set[int]] = {}
    for pool, state, person, is_active in rows:
        those = people.setdefault(pool, set())
        if state == AssignmentState.ACTIVE and is_active:
            those.add(person)
    pools = tuple(pool for pool, those in people.items() if not those or labeller_id in those)
    closed = tuple(pool for pool in people if pool not in pools)
    small = tuple((pool, len(people[pool])) for pool in closed)
    return Reach(pools, closed, small, tuple(hash((pool, *sorted(those))) for pool, those in people.items()))


_POOLS = (
    select(AssignmentPool.id, Assignment.state, AssignmentPerson.labeller_id, Labeller.active)
    .join(Assignment, Assignment.id == AssignmentPool.assignment_id)
    .join(AssignmentPerson, AssignmentPerson.pool_id == AssignmentPool.id)
    .join(Labeller, Labeller.id == AssignmentPerson.labeller_id)
    .where(Assignment.state != AssignmentState.RELEASED)
    .order_by(AssignmentPool.id, AssignmentPerson.labeller_id)
)


def in_queue_order(
    arms: Sequence[Pool], conditions: Collection[ColumnElement[bool]], count: Any
) -> Select[int, int]:
    """Select (shuffle, id) of the first images of several pools together, in the random but fixed order of the queue.

    Each pool is walked by its index only as far as images of it are needed.

    Args:
        arms: the pools.
        conditions: what the images must fulfil; that they are open and count is among these.
        count: how many at most; a number or a parameter.
    """
    walks = []
    for pool in arms:
        walk = select(Image.shuffle, Image.id).where(Image.pool_id == pool, *conditions)
        walks.append(select(walk.order_by(Image.shuffle, Image.id).limit(count).subquery()))
    together = union_all(*walks).subquery()
    shuffle, image_id = together.c
    return select(shuffle, image_id).order_by(shuffle, image_id).limit(count)


def unassigned(session: Session) -> ColumnElement[bool]:
    """The condition that an image is not kept for anybody."""
    held = session.scalars(
        select(AssignmentPool.id)
        .join(Assignment, Assignment.id == AssignmentPool.assignment_id)
        .where(Assignment.state == AssignmentState.ACTIVE)
    )
    return or_(Image.pool_id.is_(None), Image.pool_id.not_in(list(held)))


def is_assigned_to_others(session: Session, labeller_id: int) -> bool:
    """Whether an open image is kept for other people."""
    reach = read_reach(session, labeller_id)
    if not reach.closed:
        return False
    kept = select(Image.id).where(Image.open_cells > 0, COUNTED, Image.pool_id.in_(reach.closed))
    return session.scalar(kept.limit(1)) is not None


class ShareRule:
    """Shares later images out like those that were there when their share was assigned.

    Args:
        session: a session.
    """

    def __init__(self, session: Session) -> None:
        query = (
            select(AssignmentPool.id, AssignmentPool.first, AssignmentPool.end)
            .join(Assignment, Assignment.id == AssignmentPool.assignment_id)
            .where(Assignment.state == AssignmentState.ACTIVE, Assignment.covers_new)
            .order_by(AssignmentPool.id)
        )
        self._stretches = session.execute(query).all()

    @property
    def pools(self) -> list[int]:
        """The pools to which later images are added."""
        return [pool for pool, *_ in self._stretches]

    def pool_of(self, group: str) -> Pool:
        """The pool of a later image, by the name of its group."""
        if not self._stretches:
            return None
        place = place_of(group)
        return next((pool for pool, first, end in self._stretches if first <= place < end), None)


def follow_groups(session: Session, images: Collection[int]) -> None:
    """Let open images that came into other groups go to the people of these groups, where later images are shared out."""
    rule = ShareRule(session)
    if not rule.pools or not images:
        return
    query = select(Image.id, Image.group, Image.pool_id).where(
        Image.id.in_(images),
        Image.open_cells > 0,
        or_(Image.pool_id.is_(None), Image.pool_id.in_(rule.pools)),
    )
    moved = [
        {"id": number, "pool_id": pool}
        for number, group, before in session.execute(query)
        if (pool := rule.pool_of(group)) != before
    ]
    if moved:
        session.execute(update(Image), moved)


def count_pool(session: Session, pool: int) -> tuple[int, int]:
    """Count the images of a pool, without excluded ones: all of them, and the open ones."""
    total = select(func.count()).select_from(Image).where(Image.pool_id == pool)
    excluded = session.scalar(total.where(Image.exclusion_id.is_not(None))) or 0
    still_open = session.scalar(total.where(Image.open_cells > 0, COUNTED)) or 0
    return (session.scalar(total) or 0) - excluded, still_open
