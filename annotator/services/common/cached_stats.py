"""Statistics over a whole project: computed at once if it is small, computed by the worker and stored if it is large.

Counting a million images takes seconds, and while people work, something changes with every answer. The pages of a large
project therefore show what the worker computed last, and when. The pages of a small project are always up to date.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.models import Annotation, Project, StoredStatistics, now
from annotator.project import ProjectFolder
from annotator.project_cache import CacheKind, project_cache

Counted = TypeVar("Counted")

LARGE = 100_000
"""The number of images and annotations from which a project is large; as many are counted in a fraction of a second."""

SHOWN_AFTER = 2.0
"""How often pages get what is known so far, in seconds."""

PAUSE_FACTOR = 20
"""Statistics are recomputed only after this multiple of the time that the last computation took."""


@dataclass(frozen=True)
class Statistics(Generic[Counted]):
    """A kind of statistics.

    Args:
        name: the name under which the results are stored.
        kind: the type of the results, which are stored as JSON.
        state: plain values that stay equal as long as nothing changes that the results depend on.
        count: computes the results. Callers share them and must not change them.
        remember: whether the results of a small project are remembered while `state` stays equal.
        by_worker: whether the worker computes the results of a small project too, because no request can wait for them.
        steps: computes them in steps: yields what is known so far, at least once, and at last the results. Pages show what is known
            so far while the worker computes them for the first time.
    """

    name: str
    kind: TypeAdapter[Counted]
    state: Callable[[Session], tuple[Hashable, ...]]
    count: Callable[[Session], Counted]
    remember: bool = True
    by_worker: bool = False
    steps: Callable[[Session], Iterator[Counted]] | None = None


@dataclass(frozen=True)
class CachedStatistics(Generic[Counted]):
    """Results, and when they were computed.

    Args:
        value: the results; None if the worker has not computed them yet.
        counted_at: when the worker computed them; None if they are up to date.
    """

    value: Counted | None
    counted_at: datetime | None


@dataclass(frozen=True)
class _Remembered:
    """`state`: what the value was computed from; `until`: the monotonic time until which a large project keeps it."""

    state: object
    value: Any
    until: float


_UNFINISHED = ["unfinished"]
"""The state of results that are not complete; it equals none that a kind has."""
_REMEMBERED = CacheKind[str, _Remembered](size=64)


def is_large(session: Session) -> bool:
    """Return whether the worker computes the project's statistics."""
    images = session.scalars(select(Project.image_count)).one()
    return images + (session.scalar(select(func.max(Annotation.id))) or 0) >= LARGE


def read_statistics(session: Session, kind: Statistics[Counted]) -> CachedStatistics[Counted]:
    """Read statistics: of a small project as of now, of a large one, or with `by_worker`, those that the worker computed last."""
    if not kind.by_worker and not is_large(session):
        if not kind.remember:
            return CachedStatistics(kind.count(session), None)
        value = _remembered(session, kind.name, kind.state(session), lambda: kind.count(session))
        return CachedStatistics(value, None)
    row = session.get(StoredStatistics, kind.name)
    if row is None:
        return CachedStatistics(None, None)
    counted_at, stored = row.counted_at, row.value
    value = _remembered(session, kind.name, counted_at, lambda: kind.kind.validate_python(stored))
    return CachedStatistics(value, counted_at)


def remember_statistics(session: Session, name: str, state: object, count: Callable[[], Counted]) -> Counted:
    """Return statistics that only this process can compute, because they need more than the database.

    They are remembered while `state` stays equal, and in a large project for a pause longer.

    Args:
        session: a session.
        name: the name of this kind of statistics.
        state: stays equal as long as nothing changes that the results depend on.
        count: computes the results. Callers share them and must not change them.
    """
    last = project_cache(session).get(_REMEMBERED, name)
    if last is not None and time.monotonic() < last.until and is_large(session):
        return cast("Counted", last.value)
    return _remembered(session, name, state, count)


def _remembered(session: Session, name: str, state: object, count: Callable[[], Counted]) -> Counted:
    cache = project_cache(session)
    last = cache.get(_REMEMBERED, name)
    if last is None or last.state != state:
        started = time.monotonic()
        value = count()
        finished = time.monotonic()
        last = _Remembered(state, value, finished + PAUSE_FACTOR * (finished - started))
        cache.put(_REMEMBERED, name, last)
    return cast("Counted", last.value)


class StatisticsCounter:
    """Computes the statistics that pages do not compute themselves, one kind after the other.

    Args:
        project: the project.
        kinds: the kinds of statistics.
    """

    def __init__(self, project: ProjectFolder, kinds: tuple[Statistics[Any], ...]) -> None:
        self._project = project
        self._kinds = kinds
        self._pause_until = dict.fromkeys(kinds, 0.0)

    def run_step(self) -> None:
        """Compute the kinds whose state has changed and whose pause is over."""
        for kind in self._kinds:
            if time.monotonic() >= self._pause_until[kind]:
                self._renew(kind)

    def _renew(self, kind: Statistics[Any]) -> None:
        started = time.monotonic()
        with self._project.database.read() as session:
            if not kind.by_worker and not is_large(session):
                return
            state, row, counted_at = (
                list(kind.state(session)),
                session.get(StoredStatistics, kind.name),
                now(),
            )
            if row is not None and row.state == state:
                return
            show = row is None or row.state == _UNFINISHED
            value = self._count_in_steps(session, kind) if show else kind.count(session)
        self._store(kind, state, value, counted_at)
        finished = time.monotonic()
        self._pause_until[kind] = finished + PAUSE_FACTOR * (finished - started)

    def _count_in_steps(self, session: Session, kind: Statistics[Counted]) -> Counted:
        """Compute results for the first time, and store what is known so far now and then."""
        if kind.steps is None:
            return kind.count(session)
        shown = time.monotonic()
        steps = kind.steps(session)
        value = next(steps)
        for later in steps:
            if time.monotonic() - shown >= SHOWN_AFTER:
                self._store(kind, list(_UNFINISHED), value, now())
                shown = time.monotonic()
            value = later
        return value

    def _store(
        self, kind: Statistics[Counted], state: list[Hashable], value: Counted, counted_at: datetime
    ) -> None:
        stored = kind.kind.dump_python(value, mode="json")
        with self._project.database.write() as session:
            session.merge(StoredStatistics(name=kind.name, state=state, value=stored, counted_at=counted_at))
