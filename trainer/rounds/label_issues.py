"""Labels that are probably wrong, by confident learning, the most suspicious first.

Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset labels" (JAIR 2021), as implemented in
cleanlab. Every image is judged by a head that was trained without its group: in the train split by the probe's head that
left out its fold, in the val split by the head itself. The test split is left out, because corrections of only those
labels that the model contradicts would flatter the model.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.data.snapshot import Attribute, Snapshot
from trainer.probe.embeddings import PoolEmbeddings
from trainer.probe.linear_heads import Head, assign_folds
from trainer.probe.probe import Probe
from trainer.runtime.files import write_atomically

COLUMNS = ("image_name", "attribute", "code", "p_code", "suggested", "p_suggested")
FEWEST = 30
"""An attribute with fewer labelled images is skipped."""


@dataclass(frozen=True)
class LabelIssue:
    """A label that is probably wrong: its code, the model's suggestion, and the probabilities of both."""

    image_name: str
    attribute: str
    code: int
    p_code: float
    suggested: int
    p_suggested: float


def find_label_issues(snapshot: Snapshot, probe: Probe, pool: PoolEmbeddings, seed: int) -> list[LabelIssue]:
    """Return the suspicious labels of all attributes, those with the smallest probability first.

    Args:
        snapshot: Holds the labels.
        probe: A probe that was just trained on it.
        pool: The embeddings it was trained on.
        seed: The seed of its training.
    """
    issues = [
        issue
        for attribute in snapshot.categorical
        if attribute.name in probe.pool_heads
        for issue in _of_attribute(snapshot, attribute, probe.pool_heads[attribute.name], pool, seed)
    ]
    return sorted(issues, key=lambda issue: (issue.p_code, issue.image_name, issue.attribute))


def write_label_issues(file: Path, issues: list[LabelIssue]) -> None:
    """Write the suspicious labels as CSV, atomically."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for i in issues:
        writer.writerow(
            [i.image_name, i.attribute, i.code, f"{i.p_code:.4f}", i.suggested, f"{i.p_suggested:.4f}"]
        )
    write_atomically(file, text.getvalue().encode())


def _of_attribute(
    snapshot: Snapshot, attribute: Attribute, head: Head, pool: PoolEmbeddings, seed: int
) -> list[LabelIssue]:
    from cleanlab import filter as confident_learning  # noqa: PLC0415 - loads pandas and scikit-learn: seconds

    labels = snapshot.labels[attribute.name]
    rows, p = _held_out(snapshot, labels, head, pool, seed)
    # A class without labels cannot be confused with another one.
    occurring = np.unique(labels[rows])
    if len(rows) < FEWEST or len(occurring) < 2:
        return []
    among = p[:, occurring] / p[:, occurring].sum(axis=1, keepdims=True)
    labelled = np.searchsorted(occurring, labels[rows])
    suspicious = confident_learning.find_label_issues(
        labelled, among, return_indices_ranked_by="self_confidence", n_jobs=1
    )
    codes = np.asarray(attribute.codes)[occurring]
    best = among.argmax(axis=1)
    return [
        LabelIssue(
            snapshot.image_names[rows[place]],
            attribute.name,
            int(codes[labelled[place]]),
            float(among[place, labelled[place]]),
            int(codes[best[place]]),
            float(among[place, best[place]]),
        )
        for place in suspicious
        if best[place] != labelled[place]
    ]


def _held_out(
    snapshot: Snapshot, labels: NDArray[np.int64], head: Head, pool: PoolEmbeddings, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the labelled images of train and val, and their probabilities by heads that were trained without them."""
    train = np.flatnonzero((snapshot.splits == "train") & (labels >= 0))
    val = np.flatnonzero((snapshot.splits == "val") & (labels >= 0))
    folds = assign_folds(snapshot.groups[train], seed)
    of_train = head.committee(pool.of(torch.from_numpy(train)))[folds, np.arange(len(train))]
    of_val = head.answer(pool.of(torch.from_numpy(val)))
    return np.concatenate([train, val]), np.concatenate([of_train, of_val]).astype(np.float64)
