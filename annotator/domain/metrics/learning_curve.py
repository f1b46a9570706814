"""What further labels may bring: a straight line through the end of the learning curve.

Balanced accuracy is taken to rise with the logarithm of the number of labels, which holds well over one doubling of them
(learning curves are near power laws: Cortes et al. 1993, NIPS 6:327-334; Hestness et al. 2017, arXiv:1712.00409). So only
the rounds count that came after the labels had reached half of the newest round's number, and the last one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotator.domain.metrics.audit import Measured, combined_half_width

PER = 100
"""Labels that a gain is told for."""

LEAST_GROWTH = 1.25
"""Times that the labels must have grown along the line: a line through two points side by side points anywhere."""


@dataclass(frozen=True)
class Gain:
    """By how much balanced accuracy may rise with the next PER labels, with a 95 % interval; never below 0 itself."""

    value: float
    low: float | None
    high: float | None
    rounds: int
    """Rounds that the line was put through."""


def expected_gain(labels: Sequence[int], measured: Sequence[Measured]) -> Gain | None:
    """The gain at the end of a curve; None while no round had LEAST_GROWTH times the labels of another one.

    Args:
        labels: of each round, in the order of time.
        measured: the same rounds, measured on the same audit set.
    """
    points = [(n, m) for n, m in zip(labels, measured, strict=True) if n > 0 and m.value is not None]
    if not points:
        return None
    if len(points[-1][1].influence):  # a figure without an interval beside it is of other images
        points = [(n, m) for n, m in points if len(m.influence)]
    newest = points[-1][0]
    before = [place for place, (n, _) in enumerate(points) if n <= newest / 2]
    end = points[before[-1] :] if before else points
    if max(n for n, _ in end) < LEAST_GROWTH * min(n for n, _ in end):
        return None
    x = np.log([n for n, _ in end])
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    step = float(np.log((newest + PER) / newest))
    slope = float(weights @ np.array([m.value for _, m in end]))
    half = combined_half_width(weights, [m for _, m in end])
    low, high = (None, None) if half is None else ((slope - half) * step, (slope + half) * step)
    return Gain(min(max(0.0, slope * step), 1 - (end[-1][1].value or 0)), low, high, len(end))
