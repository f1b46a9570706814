"""A share of successes with its 95 % interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

_Z = 1.959964  # the 97.5 percentile of the normal distribution


@dataclass(frozen=True)
class Proportion:
    """`successes` of `trials`, and between which shares the true one lies.

    The interval is Wilson's (1927), Probable inference, the law of succession, and statistical inference, J. Am. Stat.
    Assoc. 22:209-212: it stays within 0 and 1 and has a width even when all trials succeed.
    """

    successes: int
    trials: int

    @property
    def value(self) -> float:
        """The share; there must have been a trial."""
        return self.successes / self.trials

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high end."""
        spread = _Z * _Z / self.trials
        centre = self.value + spread / 2
        half = _Z * sqrt(self.value * (1 - self.value) / self.trials + spread / (4 * self.trials))
        return max(0.0, (centre - half) / (1 + spread)), min(1.0, (centre + half) / (1 + spread))
