"""Acquisition rules: how doubtful an answer is, and in which order images are best labelled.

A rule turns the (n, classes) probabilities of one attribute into n scores, higher being more doubtful. An image's score
is the mean over its open cells. A new rule adds a line to `RULES`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.errors import ChoiceError
from trainer.snapshot import UNLABELLED, Snapshot

Scores = NDArray[np.float32]
Rule = Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.floating]]

TEST_EVERY = 10
"""Every tenth place in the order is an image of the test split."""


def margin(p: NDArray[np.float32], _generator: np.random.Generator) -> NDArray[np.floating]:
    """One less the lead of the best class over the second; 1 where two are equally probable."""
    if p.shape[1] < 2:
        return np.zeros(len(p), np.float32)
    second, first = np.partition(p, -2, axis=1)[:, -2:].T
    doubt: NDArray[np.floating] = 1 - (first - second)
    return doubt


def least_confidence(p: NDArray[np.float32], _generator: np.random.Generator) -> NDArray[np.floating]:
    """One less the largest probability."""
    doubt: NDArray[np.floating] = 1 - p.max(axis=1)
    return doubt


def entropy(p: NDArray[np.float32], _generator: np.random.Generator) -> NDArray[np.floating]:
    """Entropy as a share of the largest possible, so that attributes with many classes count no more."""
    logs = np.log(np.maximum(p, 1e-12))
    doubt: NDArray[np.floating] = -(p * logs).sum(axis=1) / np.log(max(2, p.shape[1]))
    return doubt


def random(p: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.floating]:
    """Draw a number for every cell: the baseline that any other rule has to beat."""
    return generator.random(len(p))


RULES: dict[str, Rule] = {
    "margin": margin,
    "entropy": entropy,
    "least_confidence": least_confidence,
    "random": random,
}


@dataclass(frozen=True)
class Work:
    """What is left to be labelled.

    Attributes:
        cells: Attribute → (images,) score, NaN where the cell is not open.
        images: (images,) mean over the open cells, NaN where there is none.
        order: Row numbers of the images with an open cell, the first to label first.
    """

    cells: dict[str, Scores]
    images: Scores
    order: NDArray[np.int32]


def rule(strategy: str) -> Rule:
    """Return the rule of that name.

    Raises:
        ChoiceError: There is none.
    """
    if strategy not in RULES:
        raise ChoiceError(
            f"There is no strategy called {strategy!r}.",
            "Nothing was changed.",
            f"Choose one of: {', '.join(RULES)}.",
        )
    return RULES[strategy]


def plan_work(
    snapshot: Snapshot, probabilities: Mapping[str, NDArray[np.float32]], strategy: str, seed: int
) -> Work:
    """Score every open cell and put the images in order.

    Args:
        snapshot: Which cells are open.
        probabilities: Attribute → (images, classes).
        strategy: Name of a rule.
        seed: Of the draw from the test split, and of the rule `random`.

    Raises:
        ChoiceError: There is no such rule.
    """
    score, generator = rule(strategy), np.random.default_rng(seed)
    cells = open_cells(snapshot)
    scores = {
        name: np.where(cells[name], score(p, generator), np.nan).astype(np.float32)
        for name, p in probabilities.items()
    }
    total = np.zeros(len(snapshot))
    count = np.zeros(len(snapshot))
    for column in scores.values():
        total += np.nan_to_num(column)
        count += ~np.isnan(column)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
    work = np.any(list(cells.values()), axis=0) if cells else np.zeros(len(snapshot), bool)
    return Work(scores, mean, order_images(mean, work, snapshot.splits == "test", seed))


def open_cells(snapshot: Snapshot) -> dict[str, NDArray[np.bool_]]:
    """Return attribute → whether each image's cell is still to be answered.

    After an answer that ends the image ("no face") nothing else is asked about it.
    """
    ended = np.zeros(len(snapshot), bool)
    for attribute in snapshot.categorical:
        ends = [i for i, value in enumerate(attribute.values) if value.ends]
        ended |= np.isin(snapshot.labels[attribute.name], ends)
    return {name: (labels == UNLABELLED) & ~ended for name, labels in snapshot.labels.items()}


def order_images(
    scores: Scores, work: NDArray[np.bool_], test: NDArray[np.bool_], seed: int
) -> NDArray[np.int32]:
    """Put images in the order of work: by falling score, every tenth a random one of the test split.

    Args:
        scores: (images,), NaN for none; rows are in the order of image_name, which breaks ties.
        work: (images,) whether there is something to label.
        test: (images,) whether it is of the test split.
        seed: Of the draw.
    """
    rows = np.flatnonzero(work & ~test)
    doubtful = rows[np.argsort(-np.nan_to_num(scores[rows], nan=-1.0), kind="stable")]
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(work & test))
    # Sorting by place merges the two; when one of them runs out, the rest of the other follows.
    nines = np.arange(len(doubtful))
    places = np.concatenate(
        [
            nines + nines // (TEST_EVERY - 1),
            TEST_EVERY * np.arange(len(drawn)) + TEST_EVERY - 1,
        ]
    )
    return np.concatenate([doubtful, drawn])[np.argsort(places)].astype(np.int32)
