"""Exact bounds from a simple random sample without replacement (hypergeometric), for populations up to millions."""

from __future__ import annotations

from functools import lru_cache
from math import lgamma

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1 + 1e-6
"""A chance is taken as this factor larger than computed: log-factorials of a million leave eight correct digits."""

REMEMBERED = 10_000
"""Bounds that are kept: plans and repeated decisions ask for the same ones."""


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


@lru_cache(REMEMBERED)
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


@lru_cache(REMEMBERED)
def tolerated(population: int, sample: int, remaining: int, level: float) -> int:
    """Return how many marked items the sample may show so that at most `remaining` unseen ones are left; -1: not even none will do.

    It is the largest x whose upper bound is at most x + `remaining`. decision.py says why one number serves all nested sets.
    """
    if remaining < 0:
        return -1
    if population - sample <= remaining:
        return sample

    def will_do(seen: int) -> bool:
        return chance_of_at_most(seen, population, remaining + 1 + seen, sample) * ROUNDING <= level

    fits, step = -1, 1
    while fits + step < sample and will_do(fits + step):
        fits, step = fits + step, 2 * step
    while step > 1:
        step //= 2
        if fits + step < sample and will_do(fits + step):
            fits += step
    return fits


def tolerated_each(
    population: int, sample: int, remaining: NDArray[np.int64], level: float
) -> NDArray[np.int64]:
    """Return `tolerated` for each number in `remaining`; few of them are computed, because it never falls as `remaining` grows."""
    wanted, places = np.unique(remaining, return_inverse=True)
    found = np.full(len(wanted), -2, np.int64)

    def fill(first: int, last: int) -> None:
        for end in {first, last}:
            if found[end] == -2:
                found[end] = tolerated(population, sample, int(wanted[end]), level)
        if found[first] == found[last]:
            found[first : last + 1] = found[first]
        elif last - first > 1:
            fill(first, (first + last) // 2)
            fill((first + last) // 2, last)

    fill(0, len(wanted) - 1)
    return found[places]


def _log_choices(items: int, chosen: int) -> float:
    return lgamma(items + 1) - lgamma(chosen + 1) - lgamma(items - chosen + 1)
