"""Whether probabilities mean what they say: of the answers given with 80 %, 80 % should be right.

Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning" (AAAI 2015). With few images even honest
probabilities show an error; the null band says how large it may be (the trainer's reports have the same two figures). The
images of a person are right or wrong together, which makes the band wider: labels are drawn with the likeness that the
answers have, an image taking its chance from its group so often that two of a group are correlated as found (Lunn & Davies 1998, A
note on generating correlated binary variables, Biometrika 85:487-490).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15
_SIMULATIONS = 500


@dataclass(frozen=True)
class Bin:
    """Answers of about the same probability: how many, their mean probability, the share that was right."""

    images: int
    confidence: float
    right: float


@dataclass(frozen=True)
class Calibration:
    """The expected calibration error, the 95 % band it would lie in if the probabilities were honest, and its bins."""

    error: float
    null_low: float
    null_high: float
    bins: list[Bin]

    @property
    def honest(self) -> bool:
        """Whether the error is no larger than chance explains."""
        return self.error <= self.null_high


def calibration(
    p: NDArray[np.float64], labels: NDArray[np.int64], group: NDArray[np.int64]
) -> Calibration | None:
    """Compare (n, classes) probabilities with (n,) right classes of images of (n,) groups; None if there is no image."""
    if not len(labels):
        return None
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    member = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(member, minlength=BINS)
    sure = np.bincount(member, weights=confidence, minlength=BINS)
    hits = np.bincount(member, weights=right, minlength=BINS)
    low, high = _null_band(confidence, right, member, np.unique(group, return_inverse=True)[1])
    bins = [Bin(int(n), float(s / n), float(h / n)) for n, s, h in zip(counts, sure, hits, strict=True) if n]
    return Calibration(float(np.abs(sure - hits).sum() / len(labels)), low, high, bins)


def _null_band(
    confidence: NDArray[np.float64],
    right: NDArray[np.bool_],
    member: NDArray[np.int64],
    group: NDArray[np.int64],
) -> tuple[float, float]:
    random = np.random.default_rng(0)
    shared = np.sqrt(_likeness(confidence, right, group))
    groups = int(group.max()) + 1
    errors = []
    for _ in range(_SIMULATIONS):
        chance = random.random(len(confidence))
        if shared:
            together = random.random(len(confidence)) < shared
            chance = np.where(together, random.random(groups)[group], chance)
        gaps = np.bincount(member, weights=confidence - (chance < confidence), minlength=BINS)
        errors.append(np.abs(gaps).sum() / len(confidence))
    low, high = np.percentile(errors, [2.5, 97.5])
    return float(low), float(high)


def _likeness(confidence: NDArray[np.float64], right: NDArray[np.bool_], group: NDArray[np.int64]) -> float:
    """The correlation, 0 to 1, of whether two answers of a group are right, beyond what their probabilities say."""

    def of_pairs(x: NDArray[np.float64]) -> float:
        return float(np.square(np.bincount(group, weights=x)).sum() - np.square(x).sum())

    most = of_pairs(np.sqrt(confidence * (1 - confidence)))
    return min(1.0, max(0.0, of_pairs(right - confidence) / most)) if most > 1e-9 else 0.0
