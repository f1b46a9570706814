"""What a query strategy knows about the images; labels that are not given yet are no part of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.pace import DEFAULT_PACE, Pace


@dataclass(frozen=True, eq=False)
class Pool:
    """All n images of a snapshot with a model's answers.

    Attributes:
        probabilities: Attribute → (n, classes), calibrated.
        cells: Attribute → (n,) whether the cell is still open.
        work: (n,) whether an image may be asked about: it has an open cell and is not in the test split.
        audit: Row numbers of the test images with an open cell; they are asked about in random order by every strategy.
        labelled: (n,) whether an image has any label.
        labels: Attribute → (n,) class index of the labels that a model may learn from, negative in every other cell.
        counts: Attribute → (classes,) number of groups in which each class is labelled.
        groups: (n,) group names; images of one group show the same person, video or photo.
        embeddings: (n, q), close for similar images; None if the model has none.
        committee: Attribute → (members, n, classes) answers of several models; None for a single model.
        dropout: Attribute → (draws, n, classes) answers to embeddings of which dropout hides a part; None if the model
            has none.
        seed: Seed of all random draws.
        pace: What answers cost.
    """

    probabilities: Mapping[str, NDArray[np.float32]]
    cells: Mapping[str, NDArray[np.bool_]]
    work: NDArray[np.bool_]
    audit: NDArray[np.int64]
    labelled: NDArray[np.bool_]
    labels: Mapping[str, NDArray[np.int64]]
    counts: Mapping[str, NDArray[np.int64]]
    groups: NDArray[np.str_]
    embeddings: NDArray[np.float32] | None
    committee: Mapping[str, NDArray[np.float32]] | None
    dropout: Mapping[str, NDArray[np.float32]] | None
    seed: int
    pace: Pace = DEFAULT_PACE

    @cached_property
    def askable(self) -> NDArray[np.int64]:
        """Row numbers of the images that may be asked about, in the order of their names."""
        return np.flatnonzero(self.work)

    def generator(self) -> np.random.Generator:
        """Return a new random generator with the pool's seed."""
        return np.random.default_rng(self.seed)

    def mean_over_cells(self, scores: Mapping[str, NDArray[np.floating]]) -> NDArray[np.float32]:
        """Return (n,) the mean score of each image's open cells; NaN if the model answers none of them."""
        total, count = np.zeros(len(self.work)), np.zeros(len(self.work))
        for name, column in scores.items():
            total += np.where(self.cells[name], column, 0)
            count += self.cells[name]
        mean: NDArray[np.float32] = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(
            np.float32
        )
        return mean


def groups_by_class(labels: NDArray[np.int64], groups: NDArray[np.str_], classes: int) -> NDArray[np.int64]:
    """Return (classes,) the number of groups in which each class is labelled; negative labels do not count."""
    labelled = labels >= 0
    names, group = np.unique(groups[labelled], return_inverse=True)
    shown = np.zeros((len(names), classes), bool)
    shown[group, labels[labelled]] = True
    count: NDArray[np.int64] = shown.sum(axis=0)
    return count
