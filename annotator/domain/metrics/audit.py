"""How good a model's answers are on the audit set, with intervals that allow a comparison of models.

Balanced accuracy is the mean recall of the class-balanced answers, over the classes that the audit images show. The
contribution of each group to its error is kept: two models err on the same people, so their difference is known far
more precisely than either value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotator.domain.metrics.statistics import half_width, influence, mean_proportion_interval

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """Balanced accuracy of one attribute on some audit images. A value that cannot be computed is None; `reason` says why."""

    images: int
    groups: int
    value: float | None
    low: float | None
    high: float | None
    reason: str | None
    influence: Floats
    """The contribution of each group of the audit set to the error of the value; empty if there is no interval."""
    least: float = 0.0
    """The least variance of a difference, for groups that show none: that of one image of each class."""

    @property
    def half_width(self) -> float | None:
        """Half of the interval."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def measure(answers: Numbers, labels: Numbers, classes: int, group: Numbers, groups: int) -> Measured:
    """Measure the answers to some audit images.

    Args:
        answers: (n,) class indices.
        labels: (n,) right class indices.
        classes: Number of classes.
        group: (n,) group numbers, 0 ≤ group < groups.
        groups: Number of groups in the whole audit set, of which these images may be a part.
    """
    own = np.unique(group)
    nothing = np.empty(0)
    occur = np.unique(labels)
    if len(occur) < 2:
        reason = (
            "no audit image has this label yet"
            if len(occur) == 0
            else "the audit images labelled so far are all of one value"
        )
        return Measured(len(labels), len(own), None, None, None, reason, nothing)
    images = np.zeros((groups, classes))
    np.add.at(images, (group, labels), 1)
    right = np.zeros_like(images)
    np.add.at(right, (group[answers == labels], labels[answers == labels]), 1)
    images, right = images[:, occur], right[:, occur]
    value = float(np.mean(right.sum(axis=0) / images.sum(axis=0)))
    interval = mean_proportion_interval(right[own], images[own])
    if interval is None:
        reason = f"the audit images are of {len(own)} groups only, too few for an interval"
        return Measured(len(labels), len(own), value, None, None, reason, nothing)
    least = float(np.sum((images.sum(axis=0) + 2) ** -2.0) / len(occur) ** 2)
    error = influence(right, images).mean(axis=1)
    return Measured(len(labels), len(own), value, *interval, None, error, least)


def combined_half_width(weights: Floats, measured: Sequence[Measured]) -> float | None:
    """Return half of the 95 % interval of a weighted sum of models' values; the weights add up to 0.

    If the models answer every image alike, the groups show no variance at all. Half an image of each class is then
    assumed to differ either way (Agresti & Min 2005, Stat. Med. 24:729-740, for pairs without groups).

    Returns:
        None if one of the values has no interval.
    """
    if any(not len(m.influence) for m in measured):
        return None
    least = sum(w**2 * m.least for w, m in zip(weights, measured, strict=True)) / 2
    return half_width(weights @ np.array([m.influence for m in measured]), float(least))


def difference(new: Measured, old: Measured) -> tuple[float, float | None, float | None] | None:
    """Return the gain of one model over another on the same audit set, with its 95 % interval."""
    if new.value is None or old.value is None:
        return None
    value = new.value - old.value
    half = combined_half_width(np.array([1.0, -1.0]), [new, old])
    return value, *((None, None) if half is None else (value - half, value + half))


def points(value: float, low: float | None, high: float | None, of: str = "balanced accuracy") -> str:
    """A difference in words, to be continued with "than …".

    Args:
        value: the difference.
        low: the lower end of its interval; None without an interval.
        high: the upper end.
        of: what was measured.
    """
    better, sign = ("better", 1) if value >= 0 else ("worse", -1)
    between = ""
    if low is not None and high is not None:
        least, most = sorted((100 * sign * low, 100 * sign * high))
        between = f"{least:.1f} to {most:.1f}; "
    return f"{100 * abs(value):.1f} points {better} ({between}{of})"


def confusion(answers: Numbers, labels: Numbers, classes: int) -> list[list[int]]:
    """Return the number of images by right class (row) and answer (column)."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, answers), 1)
    return [[int(number) for number in row] for row in counts]
