"""Query strategies that combine others, and the places in the order that are filled at random."""

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.base import Order, QueryStrategy
from trainer.acquisition.group_constraint import HEAD
from trainer.acquisition.pool import Pool
from trainer.acquisition.uncertainty import Scores


def interleave(every: int, others: Order, order: Order) -> Order:
    """Put one of `others` at every `every`-th place of `order`. If one of them runs out, the rest of the other follows."""
    between = np.arange(len(order))
    places = np.concatenate([between + between // (every - 1), every * np.arange(len(others)) + every - 1])
    return np.concatenate([order, others])[np.argsort(places)]


class RareClasses:
    """Gives every third place to an image that probably shows a rare class, and the other places to another strategy.

    The score of a cell is its expected inverse frequency: the sum over the classes of probability / labelled groups.

    Args:
        strategy: Fills the other places.
    """

    EVERY = 3

    def __init__(self, strategy: QueryStrategy) -> None:
        self._strategy, self.needs = strategy, strategy.needs

    def cells(self, pool: Pool) -> dict[str, Scores]:
        """Return the scores of the other strategy."""
        return self._strategy.cells(pool)

    def arrange(self, pool: Pool) -> Order:
        """Order images; rare classes get places among the first `HEAD` only."""
        order = self._strategy.arrange(pool)
        rarity = {name: p @ (1 / (1 + pool.counts[name])) for name, p in pool.probabilities.items()}
        scores = np.nan_to_num(pool.mean_over_cells(rarity)[pool.askable], nan=-1.0)
        rare = pool.askable[np.argsort(-scores, kind="stable")][: min(HEAD, len(order)) // self.EVERY]
        return interleave(self.EVERY, rare, order[~np.isin(order, rare)])


class ColdStart:
    """Uses one strategy until enough images are labelled for a model to judge its uncertainty, then another one.

    Args:
        first: Orders the images while fewer than `ENOUGH` are labelled.
        then: Orders them afterwards.
    """

    ENOUGH = 50

    def __init__(self, first: QueryStrategy, then: QueryStrategy) -> None:
        self._first, self._then, self.needs = first, then, first.needs | then.needs

    def cells(self, pool: Pool) -> dict[str, Scores]:
        """Return the scores of the later strategy."""
        return self._then.cells(pool)

    def arrange(self, pool: Pool) -> Order:
        """Return the order of the strategy that the number of labelled images selects."""
        return (self._first if pool.labelled.sum() < self.ENOUGH else self._then).arrange(pool)


def draw(rows: Order, count: int, seed: int) -> tuple[Order, NDArray[np.float32]]:
    """Draw images one after another, each uniformly from the remaining ones.

    Returns:
        The images in the order of the draw, and for each the probability of its draw.
    """
    drawn = np.random.default_rng(seed).permutation(rows)[:count]
    return drawn, (1 / (len(rows) - np.arange(len(drawn)))).astype(np.float32)
