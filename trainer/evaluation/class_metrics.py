"""Figures of one answer per image: confusion matrix, precision, recall, F1 and what follows from them.

Everything is computed from the confusion matrices of the groups.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.stats.grouped_interval import mean_share_interval

Floats = NDArray[np.float64]


def confusion_by_group(
    answers: NDArray[np.int64], labels: NDArray[np.int64], groups: NDArray[np.str_], classes: int
) -> Floats:
    """Return (groups, classes, classes) counts: row the right class, column the answer.

    Args:
        answers: (n,) class indices.
        labels: (n,) class indices, none negative.
        groups: (n,) names; images of one group are drawn together.
        classes: Number of classes.
    """
    names, members = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), classes, classes))
    np.add.at(counts, (members, labels, answers), 1)
    return counts


@dataclass(frozen=True)
class Rates:
    """Figures of confusion matrices; every array starts with the matrices' own leading axes.

    A class that does not occur has no recall, one that is never answered no precision: nan. Means are over the classes
    that occur, and nan if fewer than two do.
    """

    accuracy: Floats
    precision: Floats
    recall: Floats
    f1: Floats
    balanced_accuracy: Floats
    macro_f1: Floats


def rates(confusion: Floats) -> Rates:
    """Return the figures of (…, classes, classes) confusion matrices."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    there, said = confusion.sum(axis=-1), confusion.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, precision = right / there, right / said
        f1 = np.where(there > 0, 2 * right / (there + said), np.nan)
        accuracy = right.sum(axis=-1) / there.sum(axis=-1)
        occur = (there > 0).sum(axis=-1)
        balanced = np.where(occur > 1, np.nansum(recall, axis=-1) / occur, np.nan)
        macro = np.where(occur > 1, np.nansum(f1, axis=-1) / occur, np.nan)
    return Rates(accuracy, precision, recall, f1, balanced, macro)


def describe(confusion: Floats, codes: list[int]) -> dict[str, Any]:
    """Return the figures of one attribute, with the 95 % intervals of `trainer.stats.grouped_interval`.

    Args:
        confusion: Of `confusion_by_group`.
        codes: Of the classes.
    """
    whole = rates(confusion.sum(axis=0))
    figures: dict[str, Any] = {"confusion": confusion.sum(axis=0).astype(int).tolist()}
    intervals = _intervals(confusion)
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        figures[name] = number(getattr(whole, name))
        figures[f"{name}_interval"] = intervals.get(name)
    for name in ("precision", "recall", "f1"):
        values = [number(value) for value in getattr(whole, name)]
        figures[name] = {
            str(code): value for code, value in zip(codes, values, strict=True) if value is not None
        }
    return figures


def _intervals(confusion: Floats) -> dict[str, list[float] | None]:
    """Name of a figure → its interval; F1 is the share of the right images in half of those that belong to a class or are said to."""
    right = np.diagonal(confusion, axis1=1, axis2=2)
    there, said = confusion.sum(axis=2), confusion.sum(axis=1)
    occur = there.sum(axis=0) > 0
    if not occur.any():
        return {}
    found = {"accuracy": _rounded(right.sum(axis=1)[:, None], there.sum(axis=1)[:, None])}
    if occur.sum() > 1:
        found["balanced_accuracy"] = _rounded(right[:, occur], there[:, occur])
        found["macro_f1"] = _rounded(right[:, occur], (there + said)[:, occur] / 2)
    return found


def _rounded(right: Floats, there: Floats) -> list[float] | None:
    interval = mean_share_interval(right, there)
    return None if interval is None else [round(end, 6) for end in interval]


def number(value: float) -> float | None:
    """Round a figure so that another machine's last digits do not matter; nan becomes None."""
    return None if np.isnan(value) else round(float(value), 6)
