"""DropQuery: cluster the images whose answers change under dropout, and ask for the centre of each cluster."""

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.base import Order
from trainer.acquisition.by_uncertainty import HeadFirst, embeddings_of, unmet
from trainer.acquisition.diversity import Chosen, k_means, squared_distances
from trainer.acquisition.mixing import ColdStart
from trainer.acquisition.pool import Pool


class Centroids(HeadFirst):
    """Asks for the image nearest to the centre of each cluster: the start of Gupte et al. (TMLR 2024).

    "Revisiting Active Learning in the Era of Vision Foundation Models" clusters frozen features before any label exists.
    There is a cluster for every label of the start (`ColdStart.ENOUGH`).
    """

    needs = frozenset(["embeddings"])

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """Choose one image per cluster, that of the largest cluster first."""
        embeddings = embeddings_of(pool, "drop_query")[candidates]
        return candidates[central(embeddings, min(count, ColdStart.ENOUGH), pool.generator())]


class DropQuery(HeadFirst):
    """Asks for diverse images whose answers are not consistent under dropout (Gupte et al., TMLR 2024).

    Three times, three quarters of the coordinates of an embedding are set to zero. A cell is inconsistent if most of these
    answers differ from the answer to the whole embedding. The inconsistent images are clustered, and the image nearest to
    the centre of each cluster is asked for, that of the largest cluster first.

    Adapted to several attributes: an image is as inconsistent as the share of its open cells that are. The candidates are
    the most inconsistent images, four for each cluster; nearly every image has some inconsistent cell.
    """

    needs = frozenset(["embeddings", "dropout"])
    PER_CLUSTER = 4

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """Choose one image per cluster."""
        embeddings = embeddings_of(pool, "drop_query")
        share = np.nan_to_num(pool.mean_over_cells(inconsistent(pool))[candidates], nan=-1.0)
        # Ties are broken at random: the order of names would prefer one part of the pool.
        shuffled = pool.generator().permutation(len(candidates))
        most = shuffled[np.argsort(-share[shuffled], kind="stable")][: self.PER_CLUSTER * count]
        some = candidates[np.sort(most)]
        return some[central(embeddings[some], count, pool.generator())]


def inconsistent(pool: Pool) -> dict[str, NDArray[np.float64]]:
    """Return attribute → (n,) 1 where most answers under dropout differ from the whole answer, 0 elsewhere.

    Raises:
        ChoiceError: The pool has no answers under dropout.
    """
    if pool.dropout is None:
        raise unmet("drop_query", "answers under dropout")
    return {
        name: ((draws.argmax(axis=2) != pool.probabilities[name].argmax(axis=1)).mean(axis=0) > 0.5) * 1.0
        for name, draws in pool.dropout.items()
    }


def central(embeddings: NDArray[np.float32], count: int, generator: np.random.Generator) -> Chosen:
    """Choose from each of at most `count` clusters the image nearest to its centre, the largest cluster first.

    Args:
        embeddings: (n, q).
        count: At most n.
        generator: Source of the first cluster centres.
    """
    cluster = k_means(embeddings, count, generator)
    chosen = []
    for number in np.argsort(-np.bincount(cluster, minlength=count), kind="stable"):
        members = np.flatnonzero(cluster == number)
        if len(members):
            centre = embeddings[members].mean(axis=0, keepdims=True)
            chosen.append(members[squared_distances(embeddings[members], centre)[:, 0].argmin()])
    return np.array(chosen, np.int64)
