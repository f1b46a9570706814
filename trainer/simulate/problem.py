"""The input of a simulation: images with known labels, and embeddings from a frozen backbone."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.data.snapshot import CANNOT_TELL, Snapshot
from trainer.networks import build
from trainer.probe.embeddings import PoolEmbeddings, pool_embeddings
from trainer.probe.features import compute_features
from trainer.probe.sources import BACKBONE, VIEWS
from trainer.runtime.errors import SnapshotError
from trainer.runtime.progress import Progress, Report
from trainer.simulate.plan import Stress
from trainer.views import WHOLE


@dataclass(frozen=True, eq=False)
class Problem:
    """n images whose labels only the oracle knows.

    Attributes:
        names: (n,) image names.
        groups: (n,) group names; a group is either bought from or tested on.
        embeddings: (n, q) float32 principal coordinates of the features, computed without labels.
        labels: Attribute → (n,) class indices; negative if the label is unknown.
        classes: Attribute → number of classes.
        views: View name → its coordinates among the embeddings, the first of which measures the similarity of images; None
            for a single view.
    """

    names: NDArray[np.str_]
    groups: NDArray[np.str_]
    embeddings: NDArray[np.float32]
    labels: dict[str, NDArray[np.int64]]
    classes: dict[str, int]
    views: dict[str, slice] | None = None

    def take(self, rows: NDArray[np.int64]) -> "Problem":
        """Return the problem of some images, which may be repeated."""
        labels = {name: column[rows] for name, column in self.labels.items()}
        return replace(
            self,
            names=self.names[rows],
            groups=self.groups[rows],
            embeddings=self.embeddings[rows],
            labels=labels,
        )


def read_problem(snapshot: Snapshot, cache: Path, report: Report, *, whole_images: bool = False) -> Problem:
    """Compute or load the features of a snapshot's images, and keep the labelled images.

    Args:
        snapshot: Holds the labels.
        cache: Folder of cached features.
        report: Called with the progress.
        whole_images: Features of whole images instead of the views of the face.

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
            "No attribute has two different labels, so there is nothing to simulate.",
            "Nothing was changed.",
            "Simulate on a snapshot with labelled images.",
        )
    features = compute_features(
        snapshot,
        build(BACKBONE, pretrained=True, seed=0),
        cache,
        [replace(WHOLE, side=VIEWS[0].side)] if whole_images else VIEWS,
        progress=lambda done, total: report(Progress("features", done, total, "computing features")),
    )
    pool = pool_embeddings(features)
    labelled = np.flatnonzero(np.any([column >= 0 for column in labels.values()], axis=0))
    return Problem(
        names=np.asarray(snapshot.image_names),
        groups=snapshot.groups,
        embeddings=_all_embeddings(pool),
        labels={name: np.maximum(column, CANNOT_TELL) for name, column in labels.items()},
        classes={a.name: len(a.values) for a in snapshot.categorical if a.name in labels},
        views=pool.blocks,
    ).take(labelled)


def _all_embeddings(pool: PoolEmbeddings) -> NDArray[np.float32]:
    embeddings: NDArray[np.float32] = pool.of(torch.arange(len(pool))).numpy()
    return embeddings


def disturb(problem: Problem, pool: NDArray[np.int64], stress: Stress, seed: int) -> NDArray[np.int64]:
    """Return the rows that can be bought under a stress; some may be repeated or missing."""
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
    """Return the labels with a proportion of them replaced by another class, as by a careless labeller."""
    generator = np.random.default_rng([seed, 11])
    labels = {}
    for name, column in problem.labels.items():
        shift = generator.integers(1, problem.classes[name], len(column))
        wrong = (generator.random(len(column)) < share) & (column >= 0)
        labels[name] = np.where(wrong, (column + shift) % problem.classes[name], column)
    return labels
