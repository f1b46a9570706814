"""The full evaluation of a model: every split, every class and every subgroup, with intervals.

The same model and snapshot give the same file: metrics are computed in the order of the snapshot, with fixed seeds, and
rounded to six digits.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.snapshot import Attribute, Snapshot
from trainer.evaluation.class_metrics import Floats, confusion_by_group, describe
from trainer.evaluation.metrics import attribute_metrics
from trainer.evaluation.outputs import Answers
from trainer.evaluation.roc_auc import auroc, auroc_interval
from trainer.stats.calibration import calibration_bins, null_band
from trainer.stats.class_balanced import balanced_answers

SPLITS = ("train", "val", "test")
SIMULATIONS = 1000
FEWEST = 10
"""Subgroups with fewer images are left out."""


def evaluate_fully(snapshot: Snapshot, answers: Answers) -> dict[str, dict[str, dict[str, Any]]]:
    """Return attribute → split → metrics.

    They are the metrics of the predictions' manifest (FORMATS.md), and:

    - `suggested` and `balanced`: metrics of the two answers (see `trainer.evaluation.metrics`). Accuracy, balanced
      accuracy and macro F1 with 95 % intervals by group; precision, recall and F1 by code; the confusion matrix (the
      row is the right class, the column the answer).
    - `auroc` and `auroc_interval`: by code, each class against all others.
    - `ece_null`: the 95 % band of the calibration error for calibrated probabilities.
    - `reliability`: per bin of confidence the number of images, the mean confidence and the proportion that is right.
    - `subgroups`: other attribute → code → images, accuracy and balanced accuracy with their intervals.
    """
    report: dict[str, dict[str, dict[str, Any]]] = {}
    for attribute in snapshot.categorical:
        if attribute.name not in answers.probabilities:
            continue
        labels = snapshot.labels[attribute.name]
        report[attribute.name] = {}
        for split in SPLITS:
            rows = np.flatnonzero((snapshot.splits == split) & (labels >= 0))
            report[attribute.name][split] = _split(snapshot, attribute, rows, answers)
    return report


def reliability(p: Floats, labels: NDArray[np.int64]) -> list[dict[str, float]]:
    """Return the bins of confidence that hold an answer: `images`, mean `confidence` and proportion `right`."""
    return [
        {"images": part.images, "confidence": round(part.confidence, 6), "right": round(part.right, 6)}
        for part in calibration_bins(p, labels)
    ]


def _split(
    snapshot: Snapshot, attribute: Attribute, rows: NDArray[np.intp], answers: Answers
) -> dict[str, Any]:
    name, codes = attribute.name, attribute.codes
    p, prior = answers.probabilities[name][rows].astype(np.float64), answers.expected_priors[name]
    labels, groups = snapshot.labels[name][rows], snapshot.groups[rows]
    suggested, balanced = p.argmax(axis=1), balanced_answers(p, prior)
    metrics = attribute_metrics(p, labels, prior, codes, groups=len(np.unique(groups)))
    return {
        **_rounded(metrics),
        **_auroc(p, labels, groups, codes),
        "balanced": describe(confusion_by_group(balanced, labels, groups, len(codes)), codes),
        "ece_null": _null_band(p, labels, groups),
        "reliability": reliability(p, labels),
        "subgroups": _subgroups(snapshot, attribute, rows, balanced),
        "suggested": describe(confusion_by_group(suggested, labels, groups, len(codes)), codes),
    }


def _rounded(metrics: dict[str, Any]) -> dict[str, Any]:
    rounded: dict[str, Any] = {}
    for key, value in metrics.items():
        if isinstance(value, dict):
            rounded[key] = _rounded(value)
        else:
            rounded[key] = round(value, 6) if isinstance(value, float) else value
    return rounded


def _auroc(
    p: Floats, labels: NDArray[np.int64], groups: NDArray[np.str_], codes: list[int]
) -> dict[str, dict[str, Any]]:
    areas: dict[str, Any] = {}
    intervals: dict[str, Any] = {}
    for index, code in enumerate(codes):
        area = auroc(p[:, index], labels == index)
        if area is not None:
            interval = auroc_interval(p[:, index], labels == index, groups)
            areas[str(code)] = area
            intervals[str(code)] = interval and [round(end, 6) for end in interval]
    return {"auroc": areas, "auroc_interval": intervals}


def _null_band(p: Floats, labels: NDArray[np.int64], groups: NDArray[np.str_]) -> list[float] | None:
    if not len(p):
        return None
    return [round(end, 6) for end in null_band(p, labels, groups, simulations=SIMULATIONS)]


def _subgroups(
    snapshot: Snapshot, attribute: Attribute, rows: NDArray[np.intp], balanced: NDArray[np.int64]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the metrics of the class-balanced answers among the images of each value of the other attributes."""
    labels, groups = snapshot.labels[attribute.name][rows], snapshot.groups[rows]
    kept = ("accuracy", "accuracy_interval", "balanced_accuracy", "balanced_accuracy_interval")
    subgroups: dict[str, dict[str, dict[str, Any]]] = {}
    for other in snapshot.categorical:
        if other.name == attribute.name:
            continue
        for index, code in enumerate(other.codes):
            chosen = snapshot.labels[other.name][rows] == index
            if chosen.sum() >= FEWEST:
                confusion = confusion_by_group(
                    balanced[chosen], labels[chosen], groups[chosen], len(attribute.codes)
                )
                metrics = describe(confusion, attribute.codes)
                subgroups.setdefault(other.name, {})[str(code)] = {
                    "images": int(chosen.sum()),
                    **{key: metrics[key] for key in kept},
                }
    return subgroups
