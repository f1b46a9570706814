"""Places in the order that a rule does not fill by doubt: a share for rare classes, a share drawn at random."""

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.base import Order, Rule
from trainer.acquisition.group_constraint import HEAD
from trainer.acquisition.pool import Pool
from trainer.acquisition.uncertainty import Scores


def at_every(every: int, others: Order, order: Order) -> Order:
    """Put one of `others` at every so manieth place; when one of the two runs out, the other follows."""
    between = np.arange(len(order))
    places = np.concatenate([between + between // (every - 1), every * np.arange(len(others)) + every - 1])
    return np.concatenate([order, others])[np.argsort(places)]


class RareShare:
    """Gives every third place to an image that probably shows a rare class; the rest is another rule's.

    What a cell counts is its expected inverse frequency: the sum over classes of probability / labelled groups.

    Args:
        rule: Fills the other places.
    """

    EVERY = 3

    def __init__(self, rule: Rule) -> None:
        self._rule, self.needs = rule, rule.needs

    def cells(self, pool: Pool) -> dict[str, Scores]:
        """As the other rule says."""
        return self._rule.cells(pool)

    def arrange(self, pool: Pool) -> Order:
        """At most `HEAD` places are given to rare classes."""
        order = self._rule.arrange(pool)
        rarity = {name: p @ (1 / (1 + pool.counts[name])) for name, p in pool.probabilities.items()}
        scores = np.nan_to_num(pool.mean_over_cells(rarity)[pool.askable], nan=-1.0)
        rare = pool.askable[np.argsort(-scores, kind="stable")][: min(HEAD, len(order)) // self.EVERY]
        return at_every(self.EVERY, rare, order[~np.isin(order, rare)])


class ColdStart:
    """Asks for typical images until a model can tell what it doubts; then it is another rule.

    Args:
        first: Arranges while fewer than `ENOUGH` images are labelled.
        then: Arranges afterwards.
    """

    ENOUGH = 50

    def __init__(self, first: Rule, then: Rule) -> None:
        self._first, self._then, self.needs = first, then, first.needs | then.needs

    def cells(self, pool: Pool) -> dict[str, Scores]:
        """As the later rule says."""
        return self._then.cells(pool)

    def arrange(self, pool: Pool) -> Order:
        """As the one of the two whose turn it is says."""
        return (self._first if pool.labelled.sum() < self.ENOUGH else self._then).arrange(pool)


def draw(rows: Order, count: int, seed: int) -> tuple[Order, NDArray[np.float32]]:
    """Draw images one after the other, each uniformly from those that are left.

    Returns:
        The images in the order of the draw, and the probability with which each draw came out as it did.
    """
    drawn = np.random.default_rng(seed).permutation(rows)[:count]
    return drawn, (1 / (len(rows) - np.arange(len(drawn)))).astype(np.float32)
