"""The default query strategy: ask about rare classes and about groups with few labels first."""

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.base import Order
from trainer.acquisition.pool import Pool
from trainer.acquisition.uncertainty import Scores, margin


class Balanced:
    """Samples a class for every open cell from the model's probabilities, and asks about the neediest classes first.

    The need of a class is 1 / (1 + groups in which it is labelled). The need of an image is the mean over its open
    cells, divided by (1 + labelled images of its group) ** `GROUP_POWER`.

    The classes are sampled, as in posterior sampling (Thompson, 1933), because the images that most surely show a rare
    class are its extremes: heads that learn from these alone fail on the cases in between. Uncertainty plays no part,
    because a model is most uncertain about attributes that nobody can tell (docs/lab/experiments.md).
    """

    needs: frozenset[str] = frozenset()
    GROUP_POWER = 0.5

    def cells(self, pool: Pool) -> dict[str, Scores]:
        """Return the margins, which pages show."""
        return {name: margin(p) for name, p in pool.probabilities.items()}

    def arrange(self, pool: Pool) -> Order:
        """Order images by falling need, ties at random; images whose open cells the model does not answer come last."""
        generator = pool.generator()
        need = {
            name: (1 / (1 + pool.counts[name]))[sample_classes(p, generator)]
            for name, p in pool.probabilities.items()
        }
        rows = generator.permutation(pool.askable)
        score = pool.mean_over_cells(need)[rows] / (1 + labelled_of_group(pool)[rows]) ** self.GROUP_POWER
        return rows[np.argsort(-np.nan_to_num(score, nan=-1.0), kind="stable")]


def sample_classes(p: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw a class index from each row of (n, classes) probabilities."""
    below = p.cumsum(axis=1)[:, :-1] < generator.random(len(p))[:, None]
    drawn: NDArray[np.int64] = below.sum(axis=1)
    return drawn


def labelled_of_group(pool: Pool) -> NDArray[np.int64]:
    """Return (n,) the number of labelled images in the group of each image."""
    names, images = np.unique(pool.groups[pool.labelled], return_counts=True)
    if not len(names):
        return np.zeros(len(pool.groups), np.int64)
    place = np.minimum(np.searchsorted(names, pool.groups), len(names) - 1)
    return np.where(names[place] == pool.groups, images[place], 0)
