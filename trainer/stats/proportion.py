"""A proportion with its 95 % interval."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Z = 1.959964
"""The 97.5th percentile of the normal distribution."""


@dataclass(frozen=True)
class Proportion:
    """`successes` out of `trials`, with Wilson's 95 % interval."""

    successes: int
    trials: int

    @property
    def value(self) -> float:
        """The proportion; there must be at least one trial."""
        return self.successes / self.trials

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of the interval."""
        low, high = wilson(np.array(self.value), np.array(float(self.trials)))
        return float(low), float(high)


def wilson(proportion: Floats, trials: Floats) -> tuple[Floats, Floats]:
    """Return the lower and upper ends of Wilson's 95 % intervals.

    Wilson, "Probable inference, the law of succession, and statistical inference" (J. Am. Stat. Assoc. 22:209-212,
    1927). The interval stays within 0 and 1 and has a width even if all trials succeed.

    Args:
        proportion: Of any shape, 0 to 1.
        trials: Of the same shape: the number of independent trials, which need not be whole.
    """
    spread = Z * Z / trials
    centre = proportion + spread / 2
    half = Z * np.sqrt(proportion * (1 - proportion) / trials + spread / (4 * trials))
    return np.maximum(0, (centre - half) / (1 + spread)), np.minimum(1, (centre + half) / (1 + spread))
