"""Labels that are probably wrong, by confident learning, the most suspicious first.

Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset labels" (JAIR 2021), as cleanlab
implements it. Every image is judged by a head that has not seen its group: the probe's heads that each left a fold of the
train groups out, and for the val split the head itself. The test split is left out: to correct only those of its labels
that the model doubts would flatter the model.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.data.snapshot import Attribute, Snapshot
from trainer.probe.embeddings import PoolPoints
from trainer.probe.linear_heads import Head, assign_folds
from trainer.probe.probe import Probe
from trainer.runtime.files import write_atomically

COLUMNS = ("image_name", "attribute", "code", "p_code", "suggested", "p_suggested")
FEWEST = 30
"""Labelled images of an attribute below which nothing is said about it."""


@dataclass(frozen=True)
class Suspect:
    """A label that is probably wrong: its code, what the model says instead, and the probabilities of both."""

    image_name: str
    attribute: str
    code: int
    p_code: float
    suggested: int
    p_suggested: float


def find_label_errors(snapshot: Snapshot, probe: Probe, pool: PoolPoints, seed: int) -> list[Suspect]:
    """Return the suspicious labels of all attributes, those with the smallest probability of the label first.

    Args:
        snapshot: With labels.
        probe: Just trained on it.
        pool: The points that it was trained on.
        seed: That it was trained with.
    """
    found = [
        suspect
        for attribute in snapshot.categorical
        if attribute.name in probe.pool_heads
        for suspect in _of_attribute(snapshot, attribute, probe.pool_heads[attribute.name], pool, seed)
    ]
    return sorted(found, key=lambda suspect: (suspect.p_code, suspect.image_name, suspect.attribute))


def write_label_errors(file: Path, suspects: list[Suspect]) -> None:
    """Write them as CSV, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for s in suspects:
        writer.writerow(
            [s.image_name, s.attribute, s.code, f"{s.p_code:.4f}", s.suggested, f"{s.p_suggested:.4f}"]
        )
    write_atomically(file, text.getvalue().encode())


def _of_attribute(
    snapshot: Snapshot, attribute: Attribute, head: Head, pool: PoolPoints, seed: int
) -> list[Suspect]:
    from cleanlab.filter import find_label_issues  # noqa: PLC0415 - it loads pandas and scikit-learn: seconds

    labels = snapshot.labels[attribute.name]
    rows, p = _unseen(snapshot, labels, head, pool, seed)
    # A class that nobody was given cannot be mixed up with another one.
    occurring = np.unique(labels[rows])
    if len(rows) < FEWEST or len(occurring) < 2:
        return []
    among = p[:, occurring] / p[:, occurring].sum(axis=1, keepdims=True)
    given = np.searchsorted(occurring, labels[rows])
    suspects = find_label_issues(given, among, return_indices_ranked_by="self_confidence", n_jobs=1)
    codes = np.asarray(attribute.codes)[occurring]
    best = among.argmax(axis=1)
    return [
        Suspect(
            snapshot.image_names[rows[place]],
            attribute.name,
            int(codes[given[place]]),
            float(among[place, given[place]]),
            int(codes[best[place]]),
            float(among[place, best[place]]),
        )
        for place in suspects
        if best[place] != given[place]
    ]


def _unseen(
    snapshot: Snapshot, labels: NDArray[np.int64], head: Head, pool: PoolPoints, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the labelled images of train and val, and their probabilities by heads that have not seen them."""
    train = np.flatnonzero((snapshot.splits == "train") & (labels >= 0))
    val = np.flatnonzero((snapshot.splits == "val") & (labels >= 0))
    folds = assign_folds(snapshot.groups[train], seed)
    held_out = head.committee(pool.of(torch.from_numpy(train)))[folds, np.arange(len(train))]
    seen_by_none = head.answer(pool.of(torch.from_numpy(val)))
    return np.concatenate([train, val]), np.concatenate([held_out, seen_by_none]).astype(np.float64)
