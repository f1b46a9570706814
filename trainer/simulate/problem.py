"""What a simulation starts from: images with known labels and the features of a frozen backbone."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.data.snapshot import CANNOT_TELL, Snapshot
from trainer.networks import build
from trainer.probe.embeddings import PoolPoints, pool_points
from trainer.probe.features import BACKBONE, compute_features
from trainer.runtime.errors import SnapshotError
from trainer.runtime.progress import Progress, Report
from trainer.simulate.plan import Stress


@dataclass(frozen=True, eq=False)
class Problem:
    """n images whose labels are known to the oracle only.

    Attributes:
        names: (n,) image names.
        groups: (n,) images of one group are bought or measured on, never both.
        points: (n, q) float32 principal coordinates of the features; no label had a part in them.
        labels: Attribute → (n,) class indices; negative: nobody knows.
        classes: Attribute → number of classes.
    """

    names: NDArray[np.str_]
    groups: NDArray[np.str_]
    points: NDArray[np.float32]
    labels: dict[str, NDArray[np.int64]]
    classes: dict[str, int]

    def take(self, rows: NDArray[np.int64]) -> "Problem":
        """The problem of some images, which may come more than once."""
        labels = {name: column[rows] for name, column in self.labels.items()}
        return replace(
            self, names=self.names[rows], groups=self.groups[rows], points=self.points[rows], labels=labels
        )


def read_problem(snapshot: Snapshot, cache: Path, report: Report) -> Problem:
    """Compute or find the features of a snapshot's images, and keep those that have a label.

    Raises:
        SnapshotError: No attribute has two classes.
    """
    labels = {
        attribute.name: snapshot.labels[attribute.name]
        for attribute in snapshot.categorical
        if len(np.unique(snapshot.labels[attribute.name][snapshot.labels[attribute.name] >= 0])) > 1
    }
    if not labels:
        raise SnapshotError(
            "No attribute has two different answers, so there is nothing to simulate.",
            "Nothing was changed.",
            "Simulate on a snapshot whose images are labelled.",
        )
    features = compute_features(
        snapshot,
        build(BACKBONE, pretrained=True, seed=0),
        cache,
        progress=lambda done, total: report(Progress("features", done, total, "computing features")),
    )
    known = np.flatnonzero(np.any([column >= 0 for column in labels.values()], axis=0))
    return Problem(
        names=np.asarray(snapshot.image_names),
        groups=snapshot.groups,
        points=_points(pool_points(features)),
        labels={name: np.maximum(column, CANNOT_TELL) for name, column in labels.items()},
        classes={a.name: len(a.values) for a in snapshot.categorical if a.name in labels},
    ).take(known)


def _points(pool: PoolPoints) -> NDArray[np.float32]:
    found: NDArray[np.float32] = pool.of(torch.arange(len(pool))).numpy()
    return found


def disturb(problem: Problem, pool: NDArray[np.int64], stress: Stress, seed: int) -> NDArray[np.int64]:
    """The rows that can be bought under a stress, some of them several times or none."""
    generator = np.random.default_rng([seed, 7])
    if stress == "duplicates":
        again = generator.permutation(pool)[: len(pool) // 5]
        return np.sort(np.concatenate([pool, np.repeat(again, 4)]))
    if stress == "rare":
        kept = np.ones(len(pool), bool)
        for name, classes in problem.classes.items():
            column = problem.labels[name][pool]
            common = np.bincount(column[column >= 0], minlength=classes).argmax()
            rare = np.flatnonzero((column >= 0) & (column != common))
            kept[generator.permutation(rare)[max(1, len(pool) // 50) :]] = False
        return pool[kept]
    return pool


def wrong_answers(problem: Problem, seed: int, share: float = 0.1) -> dict[str, NDArray[np.int64]]:
    """The labels with a share of them replaced by another class, as a careless labeller would."""
    generator = np.random.default_rng([seed, 11])
    labels = {}
    for name, column in problem.labels.items():
        shift = generator.integers(1, problem.classes[name], len(column))
        wrong = (generator.random(len(column)) < share) & (column >= 0)
        labels[name] = np.where(wrong, (column + shift) % problem.classes[name], column)
    return labels
