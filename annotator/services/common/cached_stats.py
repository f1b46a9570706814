"""Figures counted over a whole project: at once where it is small, by the worker and kept where it is large.

To count a million images takes seconds, and while people work something changes with every answer. The pages of a large
project therefore show what the worker counted last and say when that was; those of a small one are always as of now.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.models import Annotation, KeptFigures, Project, now
from annotator.project import ProjectFolder

Counted = TypeVar("Counted")

LARGE = 100_000
"""Images and annotations together from which on a project is large: they are counted in a fraction of a second."""

_TIMES = 20
"""How much longer than the counting took the worker leaves its result alone."""


@dataclass(frozen=True)
class Figures(Generic[Counted]):
    """A kind of figures.

    Args:
        name: under which they are kept.
        kind: what `count` returns, as it is written down and read.
        state: plain values that stay equal as long as nothing changed that the figures depend on.
        count: counts them; what it returns is shared between callers and must not be changed by them.
        remember: whether those of a small project are remembered while `state` stays equal.
    """

    name: str
    kind: TypeAdapter[Counted]
    state: Callable[[Session], tuple[Hashable, ...]]
    count: Callable[[Session], Counted]
    remember: bool = True


@dataclass(frozen=True)
class Kept(Generic[Counted]):
    """What was counted: `figures`, None if the worker has not come to it yet; `counted_at`, None if they are as of now."""

    figures: Counted | None
    counted_at: datetime | None


@dataclass(frozen=True)
class _Remembered:
    state: object
    figures: Any
    until: float


_in_memory: dict[tuple[str, str], _Remembered] = {}
"""Per project and name, what was counted or read last."""


def is_large(session: Session) -> bool:
    """Whether the project's figures are counted by the worker."""
    images = session.scalars(select(Project.image_count)).one()
    return images + (session.scalar(select(func.max(Annotation.id))) or 0) >= LARGE


def read_statistics(session: Session, kind: Figures[Counted]) -> Kept[Counted]:
    """The figures of a kind: as of now, or those that the worker counted last."""
    if not is_large(session):
        if not kind.remember:
            return Kept(kind.count(session), None)
        return Kept(_remembered(session, kind.name, kind.state(session), lambda: kind.count(session)), None)
    row = session.get(KeptFigures, kind.name)
    if row is None:
        return Kept(None, None)
    moment, written = row.counted_at, row.figures
    figures = _remembered(session, kind.name, moment, lambda: kind.kind.validate_python(written))
    return Kept(figures, moment)


def remember_statistics(session: Session, what: str, state: object, count: Callable[[], Counted]) -> Counted:
    """Figures called `what` that only this process can count, because they do not lie in the database alone.

    They are remembered until something changes, and in a large project for a while longer.

    Args:
        session: a session.
        what: a name of its own for each kind of figures.
        state: equal as long as nothing changed that the figures depend on.
        count: counts them; what it returns is shared between callers and must not be changed by them.
    """
    known = _in_memory.get((session.scalars(select(Project.token)).one(), what))
    if known is not None and time.monotonic() < known.until and is_large(session):
        return cast("Counted", known.figures)
    return _remembered(session, what, state, count)


def _remembered(session: Session, what: str, state: object, make: Callable[[], Counted]) -> Counted:
    key = (session.scalars(select(Project.token)).one(), what)
    known = _in_memory.get(key)
    if known is None or known.state != state:
        started = time.monotonic()
        figures = make()
        finished = time.monotonic()
        known = _in_memory[key] = _Remembered(state, figures, finished + _TIMES * (finished - started))
    return cast("Counted", known.figures)


class StatisticsCounter:
    """Counts the figures of a large project for its pages, a kind at a time.

    Args:
        project: the project.
        kinds: what is counted.
    """

    def __init__(self, project: ProjectFolder, kinds: tuple[Figures[Any], ...]) -> None:
        self._project = project
        self._kinds = kinds
        self._pause_until = dict.fromkeys(kinds, 0.0)

    def run_step(self) -> None:
        """Count what has changed and was not counted just now."""
        for kind in self._kinds:
            if time.monotonic() >= self._pause_until[kind]:
                self._renew(kind)

    def _renew(self, kind: Figures[Any]) -> None:
        started = time.monotonic()
        with self._project.database.read() as session:
            if not is_large(session):
                return
            state, row, moment = list(kind.state(session)), session.get(KeptFigures, kind.name), now()
            if row is not None and row.state == state:
                return
            figures = kind.kind.dump_python(kind.count(session), mode="json")
        with self._project.database.write() as session:
            session.merge(KeptFigures(name=kind.name, state=state, figures=figures, counted_at=moment))
        finished = time.monotonic()
        self._pause_until[kind] = finished + _TIMES * (finished - started)
