"""How good the answers are, per attribute and held-out split.

Two answers come from the same probabilities. The *suggestion* is the most probable class: it is what a labeller is shown
and what is right most often. The *class-balanced answer* (`trainer.evaluation.calibration.balanced_answer`) does not favour common
classes: recall and balanced accuracy are its figures. Each figure is that of the answer made for it; the balanced
accuracy of the suggestions is given beside them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.snapshot import Snapshot
from trainer.evaluation.calibration import balanced_answer

SPLITS = ("val", "test")
BINS = 15


def evaluate(
    snapshot: Snapshot,
    probabilities: Mapping[str, NDArray[np.float32]],
    priors: Mapping[str, NDArray[np.float64]],
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return attribute → split → figures, as the manifest of predictions has them (FORMATS.md).

    Args:
        snapshot: With the labels to compare with.
        probabilities: Attribute → (images, classes).
        priors: Attribute → (classes,) shares of the classes, by which the class-balanced answer divides.
    """
    metrics: dict[str, dict[str, dict[str, Any]]] = {}
    for attribute in snapshot.categorical:
        if attribute.name not in probabilities:
            continue
        labels = snapshot.labels[attribute.name]
        metrics[attribute.name] = {}
        for split in SPLITS:
            rows = (snapshot.splits == split) & (labels >= 0)
            metrics[attribute.name][split] = figures(
                probabilities[attribute.name][rows],
                labels[rows],
                priors[attribute.name],
                attribute.codes,
                groups=len(np.unique(snapshot.groups[rows])),
            )
    return metrics


def figures(
    p: NDArray[np.floating],
    labels: NDArray[np.int64],
    prior: NDArray[np.float64],
    codes: list[int],
    *,
    groups: int,
) -> dict[str, Any]:
    """Return the figures of one attribute on some images; what cannot be computed is None.

    Args:
        p: (n, classes) probabilities.
        labels: (n,) class indices, none negative.
        prior: (classes,) shares.
        codes: Of the classes.
        groups: That the images belong to.
    """
    support = np.bincount(labels, minlength=len(codes))
    suggested, balanced = p.argmax(axis=1), balanced_answer(p, prior)
    recall = _recall(balanced, labels, support)
    named = {str(code): share for code, share in zip(codes, recall, strict=True) if share is not None}
    return {
        "accuracy": float((suggested == labels).mean()) if len(labels) else None,
        "balanced_accuracy": _mean(recall),
        "ece": expected_calibration_error(p, labels),
        "groups": groups,
        "images": len(labels),
        "recall": named,
        "suggested_balanced_accuracy": _mean(_recall(suggested, labels, support)),
        "support": {str(code): int(n) for code, n in zip(codes, support, strict=True) if n},
    }


def expected_calibration_error(p: NDArray[np.floating], labels: NDArray[np.int64]) -> float | None:
    """Return by how much the top probability misses the share of right answers, over `BINS` equally wide bins.

    Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning" (AAAI 2015).
    """
    if not len(labels):
        return None
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(labels))


def macro_balanced_accuracy(metrics: Mapping[str, Mapping[str, Any]], split: str) -> float | None:
    """Return the mean balanced accuracy over the attributes that have one."""
    known = [splits[split]["balanced_accuracy"] for splits in metrics.values()]
    present = [value for value in known if value is not None]
    return float(np.mean(present)) if present else None


def _recall(
    answer: NDArray[np.int64], labels: NDArray[np.int64], support: NDArray[np.int64]
) -> list[float | None]:
    right = np.bincount(labels[answer == labels], minlength=len(support))
    return [float(r / n) if n else None for r, n in zip(right, support, strict=True)]


def _mean(recall: list[float | None]) -> float | None:
    """The mean over classes that occur; one class alone says nothing about telling classes apart."""
    known = [share for share in recall if share is not None]
    return float(np.mean(known)) if len(known) > 1 else None
