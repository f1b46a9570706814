"""Exact bounds from a simple random sample without replacement (hypergeometric), for populations up to millions."""

from __future__ import annotations

from functools import lru_cache
from math import exp, lgamma

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
    if seen == first:
        return min(1.0, exp(start))
    i = np.arange(first, seen, dtype=float)
    ratios = np.log((marked - i) * (sample - i) / ((i + 1) * (population - marked - sample + i + 1)))
    terms = np.zeros(len(i) + 1)
    np.add.accumulate(ratios, out=terms[1:])
    largest = float(np.maximum.reduce(terms))
    terms -= largest
    return min(1.0, exp(start + largest) * float(np.add.reduce(np.exp(terms, out=terms))))


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
    fits, step = -1, 1
    while fits + step < sample and _will_do(fits + step, population, sample, remaining, level):
        fits, step = fits + step, 2 * step
    return _most_between(fits, min(fits + step, sample), population, sample, remaining, level)


def tolerated_each(
    population: int, sample: int, remaining: NDArray[np.int64], level: float
) -> NDArray[np.int64]:
    """Return `tolerated` for each number in `remaining`; few of them are computed, because it never falls as `remaining` grows."""
    wanted, places = np.unique(remaining, return_inverse=True)
    found = np.full(len(wanted), -2, np.int64)

    def fill(first: int, last: int) -> None:
        if found[first] == found[last]:
            found[first : last + 1] = found[first]
        elif last - first > 1:
            middle = (first + last) // 2
            remaining_here, least, most = int(wanted[middle]), int(found[first]), int(found[last])
            if population - sample <= remaining_here or remaining_here < 0:
                found[middle] = tolerated(population, sample, remaining_here, level)
            else:
                too_many = min(most + 1, sample)
                found[middle] = _most_between(least, too_many, population, sample, remaining_here, level)
            fill(first, middle)
            fill(middle, last)

    for end in {0, len(wanted) - 1}:
        found[end] = tolerated(population, sample, int(wanted[end]), level)
    fill(0, len(wanted) - 1)
    return found[places]


def sample_for(population: int, remaining: int, level: float) -> int:
    """Return the smallest sample that, if it shows none, leaves at most `remaining` marked items unseen; see tolerated."""
    too_small, enough = 0, population
    while enough - too_small > 1:
        middle = (too_small + enough) // 2
        if population - middle <= remaining or _will_do(0, population, middle, remaining, level):
            enough = middle
        else:
            too_small = middle
    return enough


def _will_do(seen: int, population: int, sample: int, remaining: int, level: float) -> bool:
    return chance_of_at_most(seen, population, remaining + 1 + seen, sample) * ROUNDING <= level


def _most_between(
    fits: int, too_many: int, population: int, sample: int, remaining: int, level: float
) -> int:
    """Return the largest number that will do, from `fits` on; `too_many` will not do."""
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if _will_do(middle, population, sample, remaining, level):
            fits = middle
        else:
            too_many = middle
    return fits


def _log_choices(items: int, chosen: int) -> float:
    return lgamma(items + 1) - lgamma(chosen + 1) - lgamma(items - chosen + 1)
