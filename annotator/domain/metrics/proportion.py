"""A share of successes with its 95 % interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Z = 1.959964
"""The 97.5 percentile of the normal distribution."""


@dataclass(frozen=True)
class Proportion:
    """`successes` of `trials`, and between which shares the true one lies."""

    successes: int
    trials: int

    @property
    def value(self) -> float:
        """The share; there must have been a trial."""
        return self.successes / self.trials

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high end."""
        low, high = wilson(np.array(self.value), np.array(float(self.trials)))
        return float(low), float(high)


def wilson(share: Floats, trials: Floats) -> tuple[Floats, Floats]:
    """Low and high ends for shares of so many independent trials, which need not be whole numbers.

    The interval is Wilson's (1927), Probable inference, the law of succession, and statistical inference, J. Am. Stat.
    Assoc. 22:209-212: it stays within 0 and 1 and has a width even when all trials succeed.
    """
    spread = Z * Z / trials
    centre = share + spread / 2
    half = Z * np.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    return np.maximum(0, (centre - half) / (1 + spread)), np.minimum(1, (centre + half) / (1 + spread))
