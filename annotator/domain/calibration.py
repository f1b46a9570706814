"""Whether probabilities mean what they say: of the answers given with 80 %, 80 % should be right.

Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning" (AAAI 2015). With few images even honest
probabilities show an error; the null band says how large it may be (the trainer's reports have the same two figures).
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


def calibration(p: NDArray[np.float64], labels: NDArray[np.int64]) -> Calibration | None:
    """Compare (n, classes) probabilities with (n,) right classes; None if there is no image."""
    if not len(labels):
        return None
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    member = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(member, minlength=BINS)
    sure = np.bincount(member, weights=confidence, minlength=BINS)
    hits = np.bincount(member, weights=right, minlength=BINS)
    random = np.random.default_rng(0)
    # What counts is how many answers of a bin are right: if the probabilities are honest, about a binomial number.
    mean = sure / np.maximum(counts, 1)
    drawn = random.binomial(counts, np.clip(mean, 0, 1), (_SIMULATIONS, BINS))
    errors = np.abs(sure - drawn).sum(axis=1) / len(labels)
    low, high = np.percentile(errors, [2.5, 97.5])
    bins = [Bin(int(n), float(s / n), float(h / n)) for n, s, h in zip(counts, sure, hits, strict=True) if n]
    return Calibration(float(np.abs(sure - hits).sum() / len(labels)), float(low), float(high), bins)
