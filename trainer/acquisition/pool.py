"""What an acquisition rule may look at: never a label that was not given yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Pool:
    """All images of a snapshot as the model sees them. n images.

    Attributes:
        probabilities: Attribute → (n, classes), calibrated.
        cells: Attribute → (n,) whether the cell is still to be answered.
        work: (n,) whether an image may be asked: it has an open cell and is not of the test split.
        audit: Rows of the images of the test split with an open cell; they are asked at random, whatever the rule.
        labelled: (n,) whether anything is known of an image.
        counts: Attribute → (classes,) groups in which each class is labelled so far.
        groups: (n,) images of one group show the same person, video or photo.
        points: (n, q) coordinates in which alike images are near each other, or None.
        committee: Attribute → (members, n, classes) answers of several models, or None.
        seed: Of everything that is drawn.
    """

    probabilities: Mapping[str, NDArray[np.float32]]
    cells: Mapping[str, NDArray[np.bool_]]
    work: NDArray[np.bool_]
    audit: NDArray[np.int64]
    labelled: NDArray[np.bool_]
    counts: Mapping[str, NDArray[np.int64]]
    groups: NDArray[np.str_]
    points: NDArray[np.float32] | None
    committee: Mapping[str, NDArray[np.float32]] | None
    seed: int

    @cached_property
    def askable(self) -> NDArray[np.int64]:
        """The images that may be asked, in the order of their names."""
        return np.flatnonzero(self.work)

    def generator(self) -> np.random.Generator:
        """Random numbers, the same for the same seed."""
        return np.random.default_rng(self.seed)

    def mean_over_cells(self, scores: Mapping[str, NDArray[np.floating]]) -> NDArray[np.float32]:
        """(n,) the mean of the scores of an image's open cells, NaN where the model answers none of them."""
        total, count = np.zeros(len(self.work)), np.zeros(len(self.work))
        for name, column in scores.items():
            total += np.where(self.cells[name], column, 0)
            count += self.cells[name]
        mean: NDArray[np.float32] = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(
            np.float32
        )
        return mean


def groups_by_class(labels: NDArray[np.int64], groups: NDArray[np.str_], classes: int) -> NDArray[np.int64]:
    """(classes,) the number of groups in which each class is labelled; negative labels do not count."""
    known = labels >= 0
    names, group = np.unique(groups[known], return_inverse=True)
    shown = np.zeros((len(names), classes), bool)
    shown[group, labels[known]] = True
    count: NDArray[np.int64] = shown.sum(axis=0)
    return count
