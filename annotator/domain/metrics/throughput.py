"""Labelling speed while somebody works; pauses do not count."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

PAUSE = 120.0
"""Longer gaps between two answers, in seconds, are pauses."""


class Answered(NamedTuple):
    """A stored submission: its time (seconds), its number of cells, and the duration that the page measured (seconds)."""

    moment: float
    cells: int
    took: float | None


def active_seconds(answers: Sequence[Answered]) -> list[float]:
    """The seconds that each of one person's answers took; the answers are in chronological order.

    An answer took the time since the previous one. For the first answer, and after a pause, it is the duration that the page
    measured, or the median of the other answers.
    """
    gaps: list[float | None] = [None] if answers else []
    gaps += [b.moment - a.moment for a, b in pairwise(answers)]
    without_pauses = sorted(gap for gap in gaps if gap is not None and 0 <= gap <= PAUSE)
    median = without_pauses[len(without_pauses) // 2] if without_pauses else 0.0
    return [
        gap
        if gap is not None and 0 <= gap <= PAUSE
        else min(median if answer.took is None else answer.took, PAUSE)
        for gap, answer in zip(gaps, answers, strict=True)
    ]
