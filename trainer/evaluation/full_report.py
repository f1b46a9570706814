"""Everything that is measured of a model: every split, every class, with intervals, and subgroup by subgroup.

The figures are computed in the order of the snapshot, with fixed seeds, and rounded to six digits: the same model and
snapshot give the same file.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.snapshot import Attribute, Snapshot
from trainer.evaluation.calibration import balanced_answer
from trainer.evaluation.class_metrics import Floats, confusion_by_group, describe
from trainer.evaluation.metrics import BINS, figures
from trainer.evaluation.outputs import Answers
from trainer.evaluation.roc_auc import auroc, auroc_interval

SPLITS = ("train", "val", "test")
SIMULATIONS = 1000
FEWEST = 10
"""Images of a subgroup below which nothing is said about it."""


def evaluate_fully(snapshot: Snapshot, answers: Answers) -> dict[str, dict[str, dict[str, Any]]]:
    """Return attribute → split → figures: those of the predictions' manifest (FORMATS.md), and more.

    `suggested` and `balanced` hold the figures of the two answers (see `trainer.evaluation.metrics`): accuracy, balanced accuracy
    and macro F1 with 95 % intervals by group, precision, recall and F1 by code, the confusion matrix (row the
    right class, column the answer). Beside them `auroc` and its `auroc_interval` by code (one class against the others), `ece_null` (the 95 % band
    of the calibration error if the probabilities were honest, as alike within groups as the answers are), `reliability` (per bin: images, mean confidence, share
    of right answers) and `subgroups`: other attribute → code → images, accuracy and balanced accuracy with their intervals.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for attribute in snapshot.categorical:
        if attribute.name not in answers.probabilities:
            continue
        labels = snapshot.labels[attribute.name]
        found[attribute.name] = {}
        for split in SPLITS:
            rows = np.flatnonzero((snapshot.splits == split) & (labels >= 0))
            found[attribute.name][split] = _split(snapshot, attribute, rows, answers)
    return found


def _split(
    snapshot: Snapshot, attribute: Attribute, rows: NDArray[np.intp], answers: Answers
) -> dict[str, Any]:
    name, codes = attribute.name, attribute.codes
    p, prior = answers.probabilities[name][rows].astype(np.float64), answers.shares[name]
    labels, groups = snapshot.labels[name][rows], snapshot.groups[rows]
    suggested, balanced = p.argmax(axis=1), balanced_answer(p, prior)
    plain = figures(p, labels, prior, codes, groups=len(np.unique(groups)))
    return {
        **_rounded(plain),
        **_auroc(p, labels, groups, codes),
        "balanced": describe(confusion_by_group(balanced, labels, groups, len(codes)), codes),
        "ece_null": honest_ece(p, labels, groups),
        "reliability": reliability(p, labels),
        "subgroups": _subgroups(snapshot, attribute, rows, balanced),
        "suggested": describe(confusion_by_group(suggested, labels, groups, len(codes)), codes),
    }


def _rounded(plain: dict[str, Any]) -> dict[str, Any]:
    rounded: dict[str, Any] = {}
    for key, value in plain.items():
        if isinstance(value, dict):
            rounded[key] = _rounded(value)
        else:
            rounded[key] = round(value, 6) if isinstance(value, float) else value
    return rounded


def _auroc(
    p: Floats, labels: NDArray[np.int64], groups: NDArray[np.str_], codes: list[int]
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {"auroc": {}, "auroc_interval": {}}
    for index, code in enumerate(codes):
        area = auroc(p[:, index], labels == index)
        if area is not None:
            interval = auroc_interval(p[:, index], labels == index, groups)
            found["auroc"][str(code)] = area
            found["auroc_interval"][str(code)] = interval and [round(end, 6) for end in interval]
    return found


def honest_ece(
    p: Floats, labels: NDArray[np.int64], groups: NDArray[np.str_], *, seed: int = 0
) -> list[float] | None:
    """Return the 95 % band of the expected calibration error if the (n, classes) probabilities were exactly right.

    An error within the band is no sign of a bad calibration; with few images even honest probabilities have one. Images of a
    group are right or wrong together: an image takes its chance from its group so often that two of a group are correlated
    as the answers are (Lunn and Davies, "A note on generating correlated binary variables", 1998).
    """
    if not len(p):
        return None
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    names, group = np.unique(groups, return_inverse=True)
    shared = np.sqrt(_likeness(confidence, right, group))
    random = np.random.default_rng(seed)
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    errors = []
    for _ in range(SIMULATIONS):
        chance = random.random(len(p))
        if shared:
            together = random.random(len(p)) < shared
            chance = np.where(together, random.random(len(names))[group], chance)
        gaps = np.bincount(bins, weights=confidence - (chance < confidence), minlength=BINS)
        errors.append(np.abs(gaps).sum() / len(p))
    return [round(float(edge), 6) for edge in np.percentile(errors, [2.5, 97.5])]


def _likeness(confidence: Floats, right: NDArray[np.bool_], group: NDArray[np.intp]) -> float:
    """The correlation, 0 to 1, of whether two answers of a group are right, beyond what their probabilities say."""

    def of_pairs(x: Floats) -> float:
        return float(np.square(np.bincount(group, weights=x)).sum() - np.square(x).sum())

    most = of_pairs(np.sqrt(confidence * (1 - confidence)))
    return min(1.0, max(0.0, of_pairs(right - confidence) / most)) if most > 1e-9 else 0.0


def reliability(p: Floats, labels: NDArray[np.int64]) -> list[dict[str, float]]:
    """Return images, mean confidence and share of right answers of every bin of confidence that is not empty."""
    confidence, right = p.max(axis=1, initial=0), p.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    return [
        {
            "images": int((bins == b).sum()),
            "confidence": round(float(confidence[bins == b].mean()), 6),
            "right": round(float(right[bins == b].mean()), 6),
        }
        for b in np.unique(bins)
    ]


def _subgroups(
    snapshot: Snapshot, attribute: Attribute, rows: NDArray[np.intp], balanced: NDArray[np.int64]
) -> dict[str, dict[str, dict[str, Any]]]:
    """How the class-balanced answer does among images of one value of another attribute."""
    labels, groups = snapshot.labels[attribute.name][rows], snapshot.groups[rows]
    kept = ("accuracy", "accuracy_interval", "balanced_accuracy", "balanced_accuracy_interval")
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for other in snapshot.categorical:
        if other.name == attribute.name:
            continue
        for index, code in enumerate(other.codes):
            chosen = snapshot.labels[other.name][rows] == index
            if chosen.sum() >= FEWEST:
                confusion = confusion_by_group(
                    balanced[chosen], labels[chosen], groups[chosen], len(attribute.codes)
                )
                measured = describe(confusion, attribute.codes)
                found.setdefault(other.name, {})[str(code)] = {
                    "images": int(chosen.sum()),
                    **{key: measured[key] for key in kept},
                }
    return found
