"""How good a model's answers are on the audit set, with intervals that can be compared between models.

The class-balanced answer is the class with the largest probability divided by its prior; balanced accuracy is the mean of
the classes' recalls, over the classes that the audit images show. Its interval is that of domain/metrics/grouped_interval. What each group adds to
its error is kept: two models err on the same people, so that their difference is measured far better than either of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotator.domain.metrics.grouped_interval import half_width, influence, mean_share_interval

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """Balanced accuracy of one attribute on some audit images; what is None cannot be said, and `reason` tells why."""

    images: int
    groups: int
    value: float | None
    low: float | None
    high: float | None
    reason: str | None
    influence: Floats
    """What each of the audit set's groups adds to the error of the value; empty if there is no interval."""
    least: float = 0.0
    """The variance of a difference where no group shows one: that of one image of each class."""

    @property
    def half_width(self) -> float | None:
        """Half of the interval."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def balanced_answers(p: Floats, prior: Floats) -> Numbers:
    """The (n,) classes that would be most probable if all were equally common (Menon et al. 2021, ICLR)."""
    answers: Numbers = np.argmax(p / np.maximum(prior, 1e-9), axis=1)
    return answers


def measure(answers: Numbers, labels: Numbers, classes: int, group: Numbers, groups: int) -> Measured:
    """Measure answers to some images.

    Args:
        answers: (n,) classes.
        labels: (n,) classes that are right.
        classes: how many there are.
        group: (n,) of the images, 0 ≤ group < groups.
        groups: of the whole audit set, of which these images may be a part.
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
    there = np.zeros((groups, classes))
    np.add.at(there, (group, labels), 1)
    right = np.zeros_like(there)
    np.add.at(right, (group[answers == labels], labels[answers == labels]), 1)
    there, right = there[:, occur], right[:, occur]
    value = float(np.mean(right.sum(axis=0) / there.sum(axis=0)))
    interval = mean_share_interval(right[own], there[own])
    if interval is None:
        reason = f"the audit images are of {len(own)} groups only, too few for an interval"
        return Measured(len(labels), len(own), value, None, None, reason, nothing)
    least = float(np.sum((there.sum(axis=0) + 2) ** -2.0) / len(occur) ** 2)
    error = influence(right, there).mean(axis=1)
    return Measured(len(labels), len(own), value, *interval, None, error, least)


def combined_half_width(weights: Floats, measured: Sequence[Measured]) -> float | None:
    """Half of the 95 % interval of a sum of some models' weighted metrics; the weights add up to 0.

    Where no image is answered differently the groups show no variance at all; half an image of each class is taken to
    differ either way (Agresti & Min 2005, Stat. Med. 24:729-740, for pairs without groups).

    Returns:
        None if one of them has no interval.
    """
    if any(not len(m.influence) for m in measured):
        return None
    least = sum(w**2 * m.least for w, m in zip(weights, measured, strict=True)) / 2
    return half_width(weights @ np.array([m.influence for m in measured]), float(least))


def difference(new: Measured, old: Measured) -> tuple[float, float | None, float | None] | None:
    """By how much a model is better than another on the same audit set, with the interval of the difference."""
    if new.value is None or old.value is None:
        return None
    value = new.value - old.value
    half = combined_half_width(np.array([1.0, -1.0]), [new, old])
    return value, *((None, None) if half is None else (value - half, value + half))


def confusion(answers: Numbers, labels: Numbers, classes: int) -> list[list[int]]:
    """Images by right class (row) and answer (column)."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, answers), 1)
    return [[int(number) for number in row] for row in counts]
