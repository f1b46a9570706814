"""Calibration: of the answers given with probability 0.8, 80 % should be right.

The error is the expected calibration error of Naeini et al., "Obtaining well calibrated probabilities using Bayesian
binning" (AAAI 2015). With few images even calibrated probabilities show an error; the null band says how large that
error may be.

Images of one person tend to be right or wrong together, which widens the band. The simulation reproduces the
correlation that the answers show: an image shares the random number of its group with the probability that gives two
images of a group this correlation (Lunn & Davies, "A note on generating correlated binary variables", Biometrika
85:487-490, 1998).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15
"""Equally wide bins of confidence."""

_Group = NDArray[np.integer]


@dataclass(frozen=True)
class Bin:
    """Answers of similar probability: their number, their mean probability, and the proportion that is right."""

    images: int
    confidence: float
    right: float


@dataclass(frozen=True)
class Calibration:
    """The expected calibration error, its 95 % band for calibrated probabilities, and the bins."""

    error: float
    null_low: float
    null_high: float
    bins: list[Bin]

    @property
    def honest(self) -> bool:
        """Whether chance alone explains the error."""
        return self.error <= self.null_high


def calibration(
    p: NDArray[np.floating], labels: NDArray[np.int64], group: NDArray[np.generic], *, simulations: int = 500
) -> Calibration | None:
    """Measure the calibration of some images; return None without images.

    Args:
        p: (n, classes) probabilities.
        labels: (n,) right class indices.
        group: (n,) numbers or names of the images' groups.
        simulations: Draws for the null band.
    """
    error = expected_calibration_error(p, labels)
    if error is None:
        return None
    low, high = null_band(p, labels, group, simulations=simulations)
    return Calibration(error, low, high, calibration_bins(p, labels))


def expected_calibration_error(p: NDArray[np.floating], labels: NDArray[np.int64]) -> float | None:
    """Return the mean gap between confidence and accuracy over the bins, weighted by images; None without images.

    Args:
        p: (n, classes) probabilities.
        labels: (n,) right class indices.
    """
    if not len(labels):
        return None
    confidence, right, member = _binned(p, labels)
    gaps = np.bincount(member, weights=confidence - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(labels))


def calibration_bins(p: NDArray[np.floating], labels: NDArray[np.int64]) -> list[Bin]:
    """Return the bins that hold an answer, in the order of confidence.

    Args:
        p: (n, classes) probabilities.
        labels: (n,) right class indices.
    """
    confidence, right, member = _binned(p, labels)
    counts = np.bincount(member, minlength=BINS)
    sums = np.bincount(member, weights=confidence, minlength=BINS)
    hits = np.bincount(member, weights=right, minlength=BINS)
    return [Bin(int(n), float(s / n), float(h / n)) for n, s, h in zip(counts, sums, hits, strict=True) if n]


def null_band(
    p: NDArray[np.floating], labels: NDArray[np.int64], group: NDArray[np.generic], *, simulations: int
) -> tuple[float, float]:
    """Return the 95 % band of the expected calibration error if the probabilities were calibrated.

    Args:
        p: (n, classes) probabilities, n ≥ 1.
        labels: (n,) right class indices.
        group: (n,) numbers or names of the images' groups.
        simulations: Draws; the same images give the same band.
    """
    confidence, right, member = _binned(p, labels)
    names, number = np.unique(group, return_inverse=True)
    shared = np.sqrt(_correlation(confidence, right, number))
    random = np.random.default_rng(0)
    errors = []
    for _ in range(simulations):
        chance = random.random(len(confidence))
        if shared:
            together = random.random(len(confidence)) < shared
            chance = np.where(together, random.random(len(names))[number], chance)
        gaps = np.bincount(member, weights=confidence - (chance < confidence), minlength=BINS)
        errors.append(np.abs(gaps).sum() / len(confidence))
    low, high = np.percentile(errors, [2.5, 97.5])
    return float(low), float(high)


def _binned(
    p: NDArray[np.floating], labels: NDArray[np.int64]
) -> tuple[NDArray[np.floating], NDArray[np.bool_], NDArray[np.int64]]:
    """Return the confidence of each answer, whether it is right, and its bin."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    return confidence, right, np.minimum((confidence * BINS).astype(np.int64), BINS - 1)


def _correlation(confidence: NDArray[np.floating], right: NDArray[np.bool_], number: _Group) -> float:
    """Return the correlation, 0 to 1, between two answers of a group being right, beyond their probabilities."""

    def sum_over_pairs(x: NDArray[np.floating]) -> float:
        return float(np.square(np.bincount(number, weights=x)).sum() - np.square(x).sum())

    most = sum_over_pairs(np.sqrt(confidence * (1 - confidence)))
    return min(1.0, max(0.0, sum_over_pairs(right - confidence) / most)) if most > 1e-9 else 0.0
