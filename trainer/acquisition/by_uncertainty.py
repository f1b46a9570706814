"""Order images by uncertainty, or a head by something else and the rest by uncertainty."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.base import Order
from trainer.acquisition.group_constraint import HEAD
from trainer.acquisition.pool import Pool
from trainer.acquisition.uncertainty import Scores, margin
from trainer.runtime.errors import ChoiceError

CANDIDATES = 20_000
"""Images from which a head is chosen: a random sample of a larger pool, which bounds the time."""


class ByUncertainty:
    """Orders images by the mean uncertainty of their open cells, the most uncertain first; ties in the order of names.

    Args:
        uncertainty: (n, classes) probabilities → (n,) scores.
    """

    needs: frozenset[str] = frozenset()

    def __init__(self, uncertainty: Callable[[NDArray[np.float32]], Scores]) -> None:
        self._uncertainty = uncertainty

    def cells(self, pool: Pool) -> dict[str, Scores]:
        """Return the uncertainty of every cell."""
        return {name: self._uncertainty(p) for name, p in pool.probabilities.items()}

    def arrange(self, pool: Pool) -> Order:
        """Order images by falling mean uncertainty."""
        return falling(pool, pool.mean_over_cells(self.cells(pool)))


class HeadFirst(ByUncertainty):
    """Base of the strategies that choose the head of the order in their own way; the other images follow by margin."""

    def __init__(self) -> None:
        super().__init__(margin)

    def arrange(self, pool: Pool) -> Order:
        """Order the head by choice and the rest by falling mean margin."""
        by_margin = super().arrange(pool)
        if not len(by_margin):
            return by_margin
        candidates = pool.askable
        if len(candidates) > CANDIDATES:
            candidates = np.sort(pool.generator().permutation(candidates)[:CANDIDATES])
        head = self.choose(pool, candidates, min(HEAD, len(candidates)))
        return np.concatenate([head, by_margin[~np.isin(by_margin, head)]])

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """Return at most `count` of the candidates, the first to label first."""
        raise NotImplementedError


def falling(pool: Pool, scores: NDArray[np.floating]) -> Order:
    """Order the askable images by falling score; images without a score come last, ties keep the order of names."""
    rows = pool.askable
    return rows[np.argsort(-np.nan_to_num(scores[rows], nan=-1.0), kind="stable")]


def embeddings_of(pool: Pool, strategy: str) -> NDArray[np.float32]:
    """Return the embeddings of a pool.

    Raises:
        ChoiceError: It has none.
    """
    if pool.embeddings is None:
        raise unmet(strategy, "features")
    return pool.embeddings


def unmet(strategy: str, what: str) -> ChoiceError:
    """Return the error of a strategy that needs what the pool does not have."""
    return ChoiceError(
        f"The strategy {strategy} needs {what}, which this engine does not provide.",
        "Nothing was changed.",
        "Choose another strategy or engine.",
    )
