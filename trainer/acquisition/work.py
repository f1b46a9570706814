"""What is left to be labelled and in which order: a rule's scores and arrangement, and the blind share of the test split."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.pool import Pool
from trainer.acquisition.rules import rule
from trainer.snapshot import UNLABELLED, Snapshot

TEST_EVERY = 10
"""Every tenth place in the order is an image of the test split."""


@dataclass(frozen=True)
class Work:
    """What is left to be labelled.

    Attributes:
        cells: Attribute → (images,) score, NaN where the cell is not open.
        images: (images,) mean over the open cells, NaN where there is none.
        order: Row numbers of the images with an open cell, the first to label first.
    """

    cells: dict[str, NDArray[np.float32]]
    images: NDArray[np.float32]
    order: NDArray[np.int32]


def plan_work(pool: Pool, strategy: str) -> Work:
    """Score every open cell and put the images in order.

    Raises:
        ChoiceError: There is no such rule, or it needs what the pool does not have.
    """
    chosen = rule(strategy)
    scores = {
        name: np.where(pool.cells[name], column, np.nan).astype(np.float32)
        for name, column in chosen.cells(pool).items()
    }
    return Work(scores, pool.mean_over_cells(scores), interleave(chosen.arrange(pool), pool.audit, pool.seed))


def pool_of(
    snapshot: Snapshot,
    probabilities: Mapping[str, NDArray[np.float32]],
    seed: int,
    *,
    points: NDArray[np.float32] | None = None,
    committee: Mapping[str, NDArray[np.float32]] | None = None,
) -> Pool:
    """What a rule may look at.

    Args:
        snapshot: Which cells are open.
        probabilities: Attribute → (images, classes).
        seed: Of all that is drawn.
        points: (images, q) coordinates in which alike images are near; some rules need them.
        committee: Attribute → (members, images, classes); some rules need it.
    """
    cells = open_cells(snapshot)
    work = np.any(list(cells.values()), axis=0) if cells else np.zeros(len(snapshot), bool)
    test = snapshot.splits == "test"
    train = snapshot.splits == "train"
    known = [labels != UNLABELLED for labels in snapshot.labels.values()]
    counts = {
        attribute.name: np.bincount(
            snapshot.labels[attribute.name][train & (snapshot.labels[attribute.name] >= 0)],
            minlength=len(attribute.values),
        )
        for attribute in snapshot.categorical
    }
    return Pool(
        probabilities=probabilities,
        cells=cells,
        work=work & ~test,
        audit=np.flatnonzero(work & test),
        labelled=np.any(known, axis=0) if known else np.zeros(len(snapshot), bool),
        counts=counts,
        points=points,
        committee=committee,
        seed=seed,
    )


def open_cells(snapshot: Snapshot) -> dict[str, NDArray[np.bool_]]:
    """Return attribute → whether each image's cell is still to be answered.

    After an answer that ends the image ("no face") nothing else is asked about it.
    """
    ended = np.zeros(len(snapshot), bool)
    for attribute in snapshot.categorical:
        ends = [i for i, value in enumerate(attribute.values) if value.ends]
        ended |= np.isin(snapshot.labels[attribute.name], ends)
    return {name: (labels == UNLABELLED) & ~ended for name, labels in snapshot.labels.items()}


def interleave(arranged: NDArray[np.int64], test: NDArray[np.int64], seed: int) -> NDArray[np.int32]:
    """Put a random image of the test split at every tenth place; when one of the two runs out, the other follows.

    Args:
        arranged: Row numbers in the order of a rule.
        test: Row numbers of open images of the test split.
        seed: Of the draw.
    """
    drawn = np.random.default_rng(seed).permutation(test)
    nines = np.arange(len(arranged))
    places = np.concatenate(
        [nines + nines // (TEST_EVERY - 1), TEST_EVERY * np.arange(len(drawn)) + TEST_EVERY - 1]
    )
    return np.concatenate([arranged, drawn])[np.argsort(places)].astype(np.int32)
