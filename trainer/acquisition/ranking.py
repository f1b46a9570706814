"""Rank the images that are not fully labelled: by a query strategy, with places for random draws and for test images."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.base import QueryStrategy
from trainer.acquisition.group_constraint import one_per_group
from trainer.acquisition.mixing import draw, interleave
from trainer.acquisition.pool import Pool, groups_by_class
from trainer.acquisition.strategies import query_strategy
from trainer.data.snapshot import UNLABELLED, Snapshot

TEST_EVERY = 10
"""Every tenth place in the order is an image of the test split."""
RANDOM_EVERY = 10
"""Every tenth of the other places is drawn at random: the savings of a strategy are estimated against these images."""


@dataclass(frozen=True)
class Ranking:
    """The remaining work: scores of the open cells, and the order of the images.

    Attributes:
        cells: Attribute → (images,) score; NaN if the cell is not open.
        images: (images,) mean score of the open cells; NaN if there is none.
        order: Row numbers of the images with an open cell, the first to label first.
        drawn: (images,) probability of the random draw that placed the image; NaN if the strategy placed it.
    """

    cells: dict[str, NDArray[np.float32]]
    images: NDArray[np.float32]
    order: NDArray[np.int32]
    drawn: NDArray[np.float32]


def rank_images(pool: Pool, strategy: str) -> Ranking:
    """Score every open cell and put the images in order.

    Raises:
        ChoiceError: There is no such strategy, or it needs what the pool does not have.
    """
    chosen = query_strategy(strategy)
    scores = {
        name: np.where(pool.cells[name], column, np.nan).astype(np.float32)
        for name, column in chosen.cells(pool).items()
    }
    order, drawn = order_images(chosen, pool)
    return Ranking(scores, pool.mean_over_cells(scores), order, drawn)


def order_images(strategy: QueryStrategy, pool: Pool) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Order the images, with one image per group in a batch and with the two kinds of random draws.

    Returns:
        The `order` and `drawn` of `Ranking`.
    """
    probability = np.full(len(pool.work), np.nan, np.float32)
    by_chance, chances = draw(pool.askable, len(pool.askable) // RANDOM_EVERY, pool.seed + 1)
    audit, audit_chances = draw(pool.audit, len(pool.audit), pool.seed)
    probability[by_chance], probability[audit] = chances, audit_chances
    left = np.isnan(probability)
    arranged = strategy.arrange(pool)
    by_strategy = one_per_group(arranged[left[arranged]], pool.groups)
    order = interleave(TEST_EVERY, audit, interleave(RANDOM_EVERY, by_chance, by_strategy))
    return order.astype(np.int32), probability


def pool_of(
    snapshot: Snapshot,
    probabilities: Mapping[str, NDArray[np.float32]],
    seed: int,
    *,
    embeddings: NDArray[np.float32] | None = None,
    committee: Mapping[str, NDArray[np.float32]] | None = None,
    dropout: Mapping[str, NDArray[np.float32]] | None = None,
) -> Pool:
    """Return the pool of a snapshot.

    Args:
        snapshot: Tells which cells are open.
        probabilities: Attribute → (images, classes).
        seed: Seed of all random draws.
        embeddings: (images, q), for strategies that need them.
        committee: Attribute → (members, images, classes), for strategies that need it.
        dropout: Attribute → (draws, images, classes), for strategies that need it.
    """
    cells = open_cells(snapshot)
    work = np.any(list(cells.values()), axis=0) if cells else np.zeros(len(snapshot), bool)
    test = snapshot.splits == "test"
    train = snapshot.splits == "train"
    answered = [labels != UNLABELLED for labels in snapshot.labels.values()]
    labels = {
        attribute.name: np.where(train, snapshot.labels[attribute.name], UNLABELLED)
        for attribute in snapshot.categorical
    }
    counts = {
        attribute.name: groups_by_class(labels[attribute.name], snapshot.groups, len(attribute.values))
        for attribute in snapshot.categorical
    }
    return Pool(
        probabilities=probabilities,
        cells=cells,
        work=work & ~test,
        audit=np.flatnonzero(work & test),
        labelled=np.any(answered, axis=0) if answered else np.zeros(len(snapshot), bool),
        labels=labels,
        counts=counts,
        groups=snapshot.groups,
        embeddings=embeddings,
        committee=committee,
        dropout=dropout,
        seed=seed,
    )


def open_cells(snapshot: Snapshot) -> dict[str, NDArray[np.bool_]]:
    """Return attribute → (images,) whether the cell is still open.

    An answer that ends the image ("no face") closes its other cells.
    """
    ended = np.zeros(len(snapshot), bool)
    for attribute in snapshot.categorical:
        ends = [i for i, value in enumerate(attribute.values) if value.ends]
        ended |= np.isin(snapshot.labels[attribute.name], ends)
    return {name: (labels == UNLABELLED) & ~ended for name, labels in snapshot.labels.items()}
