"""What is left to be labelled and in which order: a rule's scores and arrangement, a share drawn at random, and the test split's."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.base import Rule
from trainer.acquisition.group_constraint import one_per_group
from trainer.acquisition.mixing import at_every, draw
from trainer.acquisition.pool import Pool, groups_by_class
from trainer.acquisition.strategies import rule
from trainer.data.snapshot import UNLABELLED, Snapshot

TEST_EVERY = 10
"""Every tenth place in the order is an image of the test split."""
RANDOM_EVERY = 10
"""Every tenth of the other places is filled by a draw, so that what a rule saves against chance can be estimated."""


@dataclass(frozen=True)
class Work:
    """What is left to be labelled.

    Attributes:
        cells: Attribute → (images,) score, NaN where the cell is not open.
        images: (images,) mean over the open cells, NaN where there is none.
        order: Row numbers of the images with an open cell, the first to label first.
        drawn: (images,) the probability of the draw that put an image in its place, NaN if the rule did.
    """

    cells: dict[str, NDArray[np.float32]]
    images: NDArray[np.float32]
    order: NDArray[np.int32]
    drawn: NDArray[np.float32]


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
    order, drawn = put_in_order(chosen, pool)
    return Work(scores, pool.mean_over_cells(scores), order, drawn)


def put_in_order(chosen: Rule, pool: Pool) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Arrange the images that may be asked, nobody twice in a batch, with the two shares that are drawn.

    Returns:
        The `order` and `drawn` of `Work`.
    """
    probability = np.full(len(pool.work), np.nan, np.float32)
    by_chance, chances = draw(pool.askable, len(pool.askable) // RANDOM_EVERY, pool.seed + 1)
    audit, audit_chances = draw(pool.audit, len(pool.audit), pool.seed)
    probability[by_chance], probability[audit] = chances, audit_chances
    left = np.isnan(probability)
    arranged = chosen.arrange(pool)
    by_rule = one_per_group(arranged[left[arranged]], pool.groups)
    order = at_every(TEST_EVERY, audit, at_every(RANDOM_EVERY, by_chance, by_rule))
    return order.astype(np.int32), probability


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
        attribute.name: groups_by_class(
            snapshot.labels[attribute.name][train], snapshot.groups[train], len(attribute.values)
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
        groups=snapshot.groups,
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
