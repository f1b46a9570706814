"""Exact bounds from a simple random sample without replacement (hypergeometric), for populations up to millions."""

from __future__ import annotations


def upper_bound(population: int, sample: int, seen: int, level: float) -> int:
    """Return the largest number of marked items that the sample does not refute: the one-sided upper confidence bound.

    Args:
        population: Number of items.
        sample: Number of items drawn, without replacement, each set of this size equally probable.
        seen: Marked items among those drawn.
        level: The chance that the true number is above the bound is at most this.
    """
    raise NotImplementedError


def lower_bound(population: int, sample: int, seen: int, level: float) -> int:
    """Return the one-sided lower confidence bound of the number of marked items; arguments as in upper_bound."""
    raise NotImplementedError


def tolerated(population: int, sample: int, remaining: int, level: float) -> int:
    """Return how many marked items the sample may show so that at most `remaining` unseen ones are left; -1: not even none will do.

    It is the largest x whose upper bound is at most x + `remaining`. See decision.py for why one number serves all nested sets.
    """
    raise NotImplementedError
