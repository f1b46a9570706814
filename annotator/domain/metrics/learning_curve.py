"""Estimate the gain from further labels by a straight line through the end of the learning curve.

Balanced accuracy is assumed to rise linearly with the logarithm of the number of labels. This holds well over one doubling of
the labels (learning curves are close to power laws: Cortes et al. 1993, NIPS 6:327-334; Hestness et al. 2017,
arXiv:1712.00409). The line therefore uses only the rounds with at least half of the newest round's labels, and the last round
before them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotator.domain.metrics.audit import Measured, combined_half_width

PER = 100
"""The number of further labels that a gain is estimated for."""

LEAST_GROWTH = 1.25
"""The factor by which the labels must have grown along the line; two points close together give an arbitrary slope."""


@dataclass(frozen=True)
class Gain:
    """The expected rise of balanced accuracy with the next PER labels, never below 0, with a 95 % interval."""

    value: float
    low: float | None
    high: float | None
    rounds: int
    """The number of rounds that the line was fitted to."""


def expected_gain(labels: Sequence[int], measured: Sequence[Measured]) -> Gain | None:
    """Estimate the gain at the end of a curve; None unless one round had LEAST_GROWTH times the labels of another.

    Args:
        labels: the number of labels of each round, in chronological order.
        measured: the balanced accuracy of the same rounds on the same audit set.
    """
    points = [(n, m) for n, m in zip(labels, measured, strict=True) if n > 0 and m.value is not None]
    if not points:
        return None
    if len(points[-1][1].influence):  # metrics without an interval come from other images
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
