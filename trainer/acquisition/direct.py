"""DIRECT: separate each class from the others along one line, and ask around the separation."""

from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.base import Order
from trainer.acquisition.by_uncertainty import HeadFirst
from trainer.acquisition.mixing import interleave
from trainer.acquisition.pool import Pool

MEMBER, OTHER, OPEN = 1, -1, 0


class Direct(HeadFirst):
    """Asks around the threshold that best separates each class from the others (Nuggehalli et al., ICML 2025).

    "Improved Algorithm for Deep Active Learning under Imbalance via Optimal Separation" (arXiv 2312.09196) orders all
    images by p(class) − p(most probable other class). The labels so far give the threshold with the fewest labels on the
    wrong side, also where some labels are wrong, and the interval in which the threshold may lie. Half of the queries are
    drawn uniformly from this interval (the paper's version space reduction, with one batch); the others are the images
    nearest to the threshold, on both sides alike.

    Adapted to several attributes: there is one line for every class of every attribute, and a single line for an attribute
    of two classes. Only images whose cell is open are asked for. The lines take turns, that of the class with the fewest
    labels first.
    """

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """Take the next image of each line in turn, each image once."""
        generator = pool.generator()
        lines = [
            asked_along(pool, candidates, name, number, generator)[:count] for name, number in _classes(pool)
        ]
        turns = [row for turn in zip_longest(*lines, fillvalue=-1) for row in turn if row >= 0]
        return np.array(list(dict.fromkeys(turns))[:count], np.int64)


def _classes(pool: Pool) -> list[tuple[str, int]]:
    """Return (attribute, class) of every line, that with the fewest labels first."""
    lines = []
    for name, p in pool.probabilities.items():
        counts = pool.counts[name]
        classes = [int(counts.argmin())] if p.shape[1] == 2 else range(p.shape[1])
        lines += [(counts[number], name, number) for number in classes if p.shape[1] > 1]
    return [(name, number) for _, name, number in sorted(lines)]


def asked_along(
    pool: Pool, candidates: Order, name: str, number: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Return all candidates whose cell is open, the first to ask first, for one class of one attribute."""
    labels, p = pool.labels[name], pool.probabilities[name]
    rows = np.concatenate([np.flatnonzero(labels >= 0), candidates[pool.cells[name][candidates]]])
    lead = p[rows, number] - np.delete(p[rows], number, axis=1).max(axis=1)
    rows = rows[np.argsort(-lead, kind="stable")]
    sides = np.where(labels[rows] < 0, OPEN, np.where(labels[rows] == number, MEMBER, OTHER))
    is_open = np.flatnonzero(sides == OPEN)
    threshold = best_threshold(sides)
    first, last = uncertain_interval(sides)
    before, after = is_open[is_open < threshold][::-1], is_open[is_open >= threshold]
    nearest = rows[interleave(2, after, before)]
    drawn = rows[generator.permutation(is_open[(is_open >= first) & (is_open <= last)])]
    return interleave(2, drawn, nearest)


def best_threshold(sides: NDArray[np.int64]) -> int:
    """Return the number of images before the threshold with the most labels on the right side; the middle one of several.

    Args:
        sides: (m,) `MEMBER`, `OTHER` or `OPEN` along the line.
    """
    right = np.concatenate([[0], 2 * np.cumsum(sides)])
    best = np.flatnonzero(right == right.max())
    return int(best[len(best) // 2])


def uncertain_interval(sides: NDArray[np.int64]) -> tuple[int, int]:
    """Return the first and the last place between which a threshold may lie: before them only members, behind them only others."""
    members, others = np.flatnonzero(sides == MEMBER), np.flatnonzero(sides == OTHER)
    first_other = others[0] if len(others) else len(sides)
    last_member = members[-1] if len(members) else -1
    surely_before, surely_behind = members[members < first_other], others[others > last_member]
    first = int(surely_before[-1]) if len(surely_before) else 0
    last = int(surely_behind[0]) if len(surely_behind) else len(sides) - 1
    return first, last
