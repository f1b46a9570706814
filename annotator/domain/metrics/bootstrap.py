"""The 95 % bootstrap interval of a coefficient that is computed from labelled items.

The interval runs from the 2.5 to the 97.5 percentile over resamples with replacement (Efron & Tibshirani 1993, An
Introduction to the Bootstrap, ch. 13). Whole groups of items are drawn, because the images of one person are not independent
of each other; an item without a group forms a group alone. The draws are seeded, so the same answers give the same interval.
Percentile intervals are too narrow for fewer than about twenty groups.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from annotator.domain.agreement.ratings import Floats, Positions

REPLICATES = 1000
_LEAST_DEFINED = 0.9
"""The share of resamples in which the coefficient must be defined. A second value in fewer than about three groups is missing
from more resamples than this allows."""

Coefficient = Callable[[Floats], float | None]
"""A function from the weight of each item (how often it was drawn) to the coefficient; None where it is undefined."""


@dataclass(frozen=True)
class Interval:
    """A 95 % percentile bootstrap interval, and how it was computed."""

    low: float
    high: float
    groups: int
    """The number of groups (without groups: items) that were resampled."""
    replicates: int
    """The number of resamples in which the coefficient was defined."""
    seed: int


def percentile_interval(
    coefficient: Coefficient, group: Positions, times: Positions, replicates: int, seed: int
) -> tuple[Interval | None, str | None]:
    """The interval of a coefficient, or None with the reason why there is none.

    Args:
        coefficient: computes the coefficient from (items,) weights.
        group: (items,) the group of each item.
        times: (items,) how many groups like its own each item stands for (Ratings.times).
        replicates: the number of resamples; 0 for no interval.
        seed: the seed of the draws.
    """
    if replicates == 0:
        return None, "no interval was asked for"
    distinct, group = np.unique(group, return_inverse=True)
    copies = np.ones(len(distinct))
    copies[group] = times
    groups = int(copies.sum())
    if groups < 2:
        return None, "all items belong to one group, so there is nothing to resample for an interval"
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(replicates):
        drawn_groups = random.multinomial(groups, copies / groups)
        value = coefficient(drawn_groups[group].astype(np.float64))
        if value is not None:
            drawn.append(value)
    if len(drawn) < _LEAST_DEFINED * replicates:
        return None, "too few items have an answer other than the most frequent one for an interval"
    if max(drawn) - min(drawn) < 1e-12:
        return None, "all items agree to the same degree, so resampling shows no spread for an interval"
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(low), float(high), groups, len(drawn), seed), None
