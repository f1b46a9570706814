"""The default rule: fill up what is missing, rare classes and people of whom little is known."""

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.base import Order
from trainer.acquisition.pool import Pool
from trainer.acquisition.uncertainty import Scores, margin


class Balanced:
    """Guesses every open cell by chance, as probable as the model says, and asks first whose guessed answers are needed.

    A class is needed by 1 / (1 + groups in which it is labelled), an image by the mean over its open cells, divided by
    (1 + labelled images of its group)^`KNOWN`.

    It guesses, as in posterior sampling (Thompson, 1933), because the images that most surely show a rare class are its
    extremes: heads that learned from these alone fail between them. Doubt plays no part, because the answers that a model
    doubts most are those of the attribute that nobody can tell (docs/lab/experiments.md).
    """

    needs: frozenset[str] = frozenset()
    KNOWN = 0.5

    def cells(self, pool: Pool) -> dict[str, Scores]:
        """The margins, for the pages."""
        return {name: margin(p) for name, p in pool.probabilities.items()}

    def arrange(self, pool: Pool) -> Order:
        """By falling need, ties by chance; an image whose cells no model answers comes last."""
        generator = pool.generator()
        need = {
            name: (1 / (1 + pool.counts[name]))[guess(p, generator)] for name, p in pool.probabilities.items()
        }
        rows = generator.permutation(pool.askable)
        score = pool.mean_over_cells(need)[rows] / (1 + labelled_of_group(pool)[rows]) ** self.KNOWN
        return rows[np.argsort(-np.nan_to_num(score, nan=-1.0), kind="stable")]


def guess(p: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw a class for each of (n, classes) probabilities."""
    below = p.cumsum(axis=1)[:, :-1] < generator.random(len(p))[:, None]
    drawn: NDArray[np.int64] = below.sum(axis=1)
    return drawn


def labelled_of_group(pool: Pool) -> NDArray[np.int64]:
    """(n,) how many images of an image's group are labelled."""
    known, images = np.unique(pool.groups[pool.labelled], return_counts=True)
    if not len(known):
        return np.zeros(len(pool.groups), np.int64)
    place = np.minimum(np.searchsorted(known, pool.groups), len(known) - 1)
    return np.where(known[place] == pool.groups, images[place], 0)
