"""Exact bounds from a simple random sample without replacement (hypergeometric), for populations up to millions."""

from __future__ import annotations

from math import lgamma

import numpy as np

ROUNDING = 1 + 1e-6
"""A chance is taken as this factor larger than computed: log-factorials of a million leave eight correct digits."""


def chance_of_at_most(seen: int, population: int, marked: int, sample: int) -> float:
    """Return the chance that a sample shows at most `seen` marked items: the hypergeometric distribution function.

    One pass over `seen` numbers, whatever the population: the ratio of neighbouring terms is
    (marked - i)(sample - i) / ((i + 1)(population - marked - sample + i + 1)).
    """
    first = max(0, sample - (population - marked))
    if seen < first:
        return 0.0
    if seen >= min(marked, sample):
        return 1.0
    start = (
        _log_choices(marked, first)
        + _log_choices(population - marked, sample - first)
        - _log_choices(population, sample)
    )
    i = np.arange(first, seen, dtype=float)
    ratios = np.log((marked - i) * (sample - i)) - np.log((i + 1) * (population - marked - sample + i + 1))
    terms = start + np.concatenate([[0.0], np.cumsum(ratios)])
    largest = terms.max()
    return min(1.0, float(np.exp(largest) * np.exp(terms - largest).sum()))


def upper_bound(population: int, sample: int, seen: int, level: float) -> int:
    """Return the largest number of marked items that the sample does not refute: the one-sided upper confidence bound.

    Args:
        population: Number of items.
        sample: Number of items drawn, without replacement, each set of this size equally probable.
        seen: Marked items among those drawn.
        level: The chance that the true number is above the bound is at most this.
    """
    possible, refuted = seen, population - (sample - seen) + 1
    while refuted - possible > 1:
        middle = (possible + refuted) // 2
        if chance_of_at_most(seen, population, middle, sample) * ROUNDING > level:
            possible = middle
        else:
            refuted = middle
    return possible


def lower_bound(population: int, sample: int, seen: int, level: float) -> int:
    """Return the one-sided lower confidence bound of the number of marked items; arguments as in upper_bound."""
    return population - upper_bound(population, sample, sample - seen, level)


def tolerated(population: int, sample: int, remaining: int, level: float) -> int:
    """Return how many marked items the sample may show so that at most `remaining` unseen ones are left; -1: not even none will do.

    It is the largest x whose upper bound is at most x + `remaining`. decision.py says why one number serves all nested sets.
    """
    if remaining < 0:
        return -1
    if population - sample <= remaining:
        return sample
    fits, too_many = -1, sample
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if chance_of_at_most(middle, population, remaining + 1 + middle, sample) * ROUNDING <= level:
            fits = middle
        else:
            too_many = middle
    return fits


def _log_choices(items: int, chosen: int) -> float:
    return lgamma(items + 1) - lgamma(chosen + 1) - lgamma(items - chosen + 1)
