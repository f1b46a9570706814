"""Metrics of a model's answers, per attribute and held-out split.

The same probabilities give two answers. The *suggestion* is the most probable class: labellers see it, and it is right
most often. The *class-balanced answer* (`trainer.stats.class_balanced`) does not favour common classes. Accuracy is
that of the suggestion, recall and balanced accuracy are those of the class-balanced answer, and
`suggested_balanced_accuracy` is the balanced accuracy of the suggestion.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.snapshot import Snapshot
from trainer.stats.calibration import expected_calibration_error
from trainer.stats.class_balanced import balanced_answers

SPLITS = ("val", "test")


def evaluate(
    snapshot: Snapshot,
    probabilities: Mapping[str, NDArray[np.float32]],
    priors: Mapping[str, NDArray[np.float64]],
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return attribute → split → metrics, as in the manifest of predictions (FORMATS.md).

    Args:
        snapshot: Holds the labels to compare with.
        probabilities: Attribute → (images, classes).
        priors: Attribute → (classes,) class priors for the class-balanced answer.
    """
    metrics: dict[str, dict[str, dict[str, Any]]] = {}
    for attribute in snapshot.categorical:
        if attribute.name not in probabilities:
            continue
        labels = snapshot.labels[attribute.name]
        metrics[attribute.name] = {}
        for split in SPLITS:
            rows = (snapshot.splits == split) & (labels >= 0)
            metrics[attribute.name][split] = attribute_metrics(
                probabilities[attribute.name][rows],
                labels[rows],
                priors[attribute.name],
                attribute.codes,
                groups=len(np.unique(snapshot.groups[rows])),
            )
    return metrics


def attribute_metrics(
    p: NDArray[np.floating],
    labels: NDArray[np.int64],
    prior: NDArray[np.float64],
    codes: list[int],
    *,
    groups: int,
) -> dict[str, Any]:
    """Return the metrics of one attribute on some images; a metric that cannot be computed is None.

    Args:
        p: (n, classes) probabilities.
        labels: (n,) class indices, none negative.
        prior: (classes,) class prior.
        codes: The codes of the classes.
        groups: Number of groups that the images belong to.
    """
    support = np.bincount(labels, minlength=len(codes))
    suggested, balanced = p.argmax(axis=1), balanced_answers(p, prior)
    recall = _recall(balanced, labels, support)
    recall_by_code = {
        str(code): value for code, value in zip(codes, recall, strict=True) if value is not None
    }
    return {
        "accuracy": float((suggested == labels).mean()) if len(labels) else None,
        "balanced_accuracy": _mean(recall),
        "ece": expected_calibration_error(p, labels),
        "groups": groups,
        "images": len(labels),
        "recall": recall_by_code,
        "suggested_balanced_accuracy": _mean(_recall(suggested, labels, support)),
        "support": {str(code): int(n) for code, n in zip(codes, support, strict=True) if n},
    }


def _recall(
    answers: NDArray[np.int64], labels: NDArray[np.int64], support: NDArray[np.int64]
) -> list[float | None]:
    right = np.bincount(labels[answers == labels], minlength=len(support))
    return [float(r / n) if n else None for r, n in zip(right, support, strict=True)]


def _mean(recall: list[float | None]) -> float | None:
    """Return the mean over the classes that occur; None with fewer than two, which cannot be confused."""
    present = [value for value in recall if value is not None]
    return float(np.mean(present)) if len(present) > 1 else None
