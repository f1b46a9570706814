"""Metrics of one answer per image: confusion matrix, accuracy, precision, recall and F1.

All of them are computed from one confusion matrix per group.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.stats.grouped_interval import mean_proportion_interval

Floats = NDArray[np.float64]


def confusion_by_group(
    answers: NDArray[np.int64], labels: NDArray[np.int64], groups: NDArray[np.str_], classes: int
) -> Floats:
    """Return (groups, classes, classes) counts: the row is the right class, the column the answer.

    Args:
        answers: (n,) class indices.
        labels: (n,) class indices, none negative.
        groups: (n,) names of the images' groups.
        classes: Number of classes.
    """
    names, members = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), classes, classes))
    np.add.at(counts, (members, labels, answers), 1)
    return counts


@dataclass(frozen=True)
class Rates:
    """Metrics of confusion matrices; every array starts with the leading axes of the matrices.

    A class that does not occur has no recall, and a class that is never answered has no precision: the value is nan.
    Means are over the classes that occur, and nan if fewer than two occur.
    """

    accuracy: Floats
    precision: Floats
    recall: Floats
    f1: Floats
    balanced_accuracy: Floats
    macro_f1: Floats


def rates(confusion: Floats) -> Rates:
    """Return the metrics of (…, classes, classes) confusion matrices."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    labelled, answered = confusion.sum(axis=-1), confusion.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, precision = right / labelled, right / answered
        f1 = np.where(labelled > 0, 2 * right / (labelled + answered), np.nan)
        accuracy = right.sum(axis=-1) / labelled.sum(axis=-1)
        occur = (labelled > 0).sum(axis=-1)
        balanced = np.where(occur > 1, np.nansum(recall, axis=-1) / occur, np.nan)
        macro = np.where(occur > 1, np.nansum(f1, axis=-1) / occur, np.nan)
    return Rates(accuracy, precision, recall, f1, balanced, macro)


def describe(confusion: Floats, codes: list[int]) -> dict[str, Any]:
    """Return the metrics of one attribute with the 95 % intervals of `trainer.stats.grouped_interval`.

    Args:
        confusion: The result of `confusion_by_group`.
        codes: The codes of the classes.
    """
    total = confusion.sum(axis=0)
    overall = rates(total)
    metrics: dict[str, Any] = {"confusion": total.astype(int).tolist()}
    intervals = _intervals(confusion)
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        metrics[name] = number(getattr(overall, name))
        metrics[f"{name}_interval"] = intervals.get(name)
    for name in ("precision", "recall", "f1"):
        values = [number(value) for value in getattr(overall, name)]
        metrics[name] = {
            str(code): value for code, value in zip(codes, values, strict=True) if value is not None
        }
    return metrics


def _intervals(confusion: Floats) -> dict[str, list[float] | None]:
    """Return metric → interval. F1 is a proportion too: right images among the mean of labelled and answered ones."""
    right = np.diagonal(confusion, axis1=1, axis2=2)
    labelled, answered = confusion.sum(axis=2), confusion.sum(axis=1)
    occur = labelled.sum(axis=0) > 0
    if not occur.any():
        return {}
    intervals = {"accuracy": _interval(right.sum(axis=1)[:, None], labelled.sum(axis=1)[:, None])}
    if occur.sum() > 1:
        intervals["balanced_accuracy"] = _interval(right[:, occur], labelled[:, occur])
        intervals["macro_f1"] = _interval(right[:, occur], (labelled + answered)[:, occur] / 2)
    return intervals


def _interval(successes: Floats, trials: Floats) -> list[float] | None:
    interval = mean_proportion_interval(successes, trials)
    return None if interval is None else [round(end, 6) for end in interval]


def number(value: float) -> float | None:
    """Round a metric to six digits, so that it does not depend on the machine; nan becomes None."""
    return None if np.isnan(value) else round(float(value), 6)
