"""Figures counted over a whole project: kept until something changes, and of a large project for a while longer.

To count a million images takes seconds, and while people work something changes with every answer. A page of a large
project then shows figures that are some seconds old; of a small one they are always as of now.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.models import Project

Counted = TypeVar("Counted")

LARGE = 50_000
"""Images from which on figures may be old."""

_TIMES = 20
"""How much longer than the counting took its result is good for."""


@dataclass(frozen=True)
class _Kept:
    state: object
    figures: Any
    until: float


_kept: dict[tuple[str, str], _Kept] = {}


def keep_figures(session: Session, what: str, state: object, count: Callable[[], Counted]) -> Counted:
    """The figures called `what` of this project, counted only if need be.

    Args:
        session: a session.
        what: a name of its own for each kind of figures.
        state: equal as long as nothing changed that the figures depend on.
        count: counts them; what it returns is shared between callers and must not be changed by them.
    """
    token, images = session.execute(select(Project.token, Project.image_count)).one()
    known = _kept.get((token, what))
    if known is not None and (known.state == state or (images >= LARGE and time.monotonic() < known.until)):
        return cast("Counted", known.figures)
    start = time.monotonic()
    figures = count()
    end = time.monotonic()
    _kept[token, what] = _Kept(state, figures, end + _TIMES * (end - start))
    return figures
