"""How fast answers come while somebody works: pauses do not count."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

PAUSE = 120.0
"""Seconds between two answers from which on it was a pause."""


class Answered(NamedTuple):
    """An acknowledged submission: when (seconds), how many cells, how long the page says it took (seconds)."""

    moment: float
    cells: int
    took: float | None


def active_seconds(answers: Sequence[Answered]) -> list[float]:
    """The time each of one person's answers took, in the order of time.

    It is the time since the answer before. After a pause, and for the first one, it is what the page measured, or the
    median of the others.
    """
    gaps: list[float | None] = [None] if answers else []
    gaps += [b.moment - a.moment for a, b in pairwise(answers)]
    plain = sorted(gap for gap in gaps if gap is not None and 0 <= gap <= PAUSE)
    usual = plain[len(plain) // 2] if plain else 0.0
    return [
        gap
        if gap is not None and 0 <= gap <= PAUSE
        else min(usual if answer.took is None else answer.took, PAUSE)
        for gap, answer in zip(gaps, answers, strict=True)
    ]
