"""How far people follow suggestions: the share of answers that equal the model's value, with the suggestion in sight and without.

Chance decided which answers were given without, so the difference is what the sight of the suggestion does. The answers of one
group count together: the interval of each share is that of trainer/stats/grouped_interval, and both are combined by recovery of
variances (Zou & Donner 2008, Stat. Med. 27:1693-1702; for two proportions, Newcombe 1998, Stat. Med. 17:873-890, method 10).
Groups that have answers of both kinds would narrow the interval a little; this is not used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotator.domain.metrics.statistics import mean_proportion_interval
from annotator.domain.plurals import counted

ENOUGH = 30
"""Answers without suggestions from which on a difference is said."""


@dataclass(frozen=True)
class Agreeing:
    """Of `answers`, how many equal the value that the model suggests or would have suggested."""

    equal: int
    answers: int

    @property
    def share(self) -> float | None:
        """The share; None without answers."""
        return self.equal / self.answers if self.answers else None


@dataclass(frozen=True)
class Anchoring:
    """How much more often people answer what the model suggests if they see the suggestion.

    Args:
        shown: answers with the suggestion in sight.
        withheld: answers without it.
        images: the images of the answers without it.
        difference: the share among `shown` minus that among `withheld`; None if there are too few answers.
        low: the lower end of its 95 % interval.
        high: the upper end.
    """

    shown: Agreeing
    withheld: Agreeing
    images: int
    difference: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def allowance(self) -> float | None:
        """The share of the answers in sight of a suggestion that would differ without it; 0 while the interval holds zero.

        Some of them would differ because a suggestion corrects slips, so this is more than the error that suggestions cause.
        None if it is not known.
        """
        if self.difference is None or self.low is None:
            return None
        return self.difference if self.low > 0 else 0.0

    @property
    def text(self) -> str:
        """The comparison in a sentence."""
        if self.difference is None or self.low is None or self.high is None:
            return (
                f"Too few to say: {counted(self.withheld.answers, 'answer', 'answers')} without suggestions, from "
                f"{counted(self.images, 'image', 'images')}; {ENOUGH} are needed."
            )
        return (
            f"{_percent(self.shown)} of {self.shown.answers:,} answers equal the suggestion in sight, and "
            f"{_percent(self.withheld)} of {self.withheld.answers:,} the one that was withheld: {100 * self.difference:+.1f} "
            f"points ({100 * self.low:+.1f} to {100 * self.high:+.1f})."
        )


def measure_anchoring(
    equal: NDArray[np.bool_], withheld: NDArray[np.bool_], image: NDArray[np.int64], group: NDArray[np.int64]
) -> Anchoring:
    """Compare answers with and without suggestions.

    Args:
        equal: (answers,) whether an answer equals the model's value.
        withheld: (answers,) whether it was given without the suggestion.
        image: (answers,) numbers of the images.
        group: (answers,) numbers of the groups that the images belong to.
    """
    shown, blind = (Agreeing(int(equal[arm].sum()), int(arm.sum())) for arm in (~withheld, withheld))
    images = len(np.unique(image[withheld]))
    intervals = [_interval(equal[arm], group[arm]) for arm in (~withheld, withheld)]
    if blind.answers < ENOUGH or shown.share is None or blind.share is None or None in intervals:
        return Anchoring(shown, blind, images)
    (shown_low, shown_high), (blind_low, blind_high) = (ends for ends in intervals if ends is not None)
    difference = shown.share - blind.share
    below = np.hypot(shown.share - shown_low, blind_high - blind.share)
    above = np.hypot(shown_high - shown.share, blind.share - blind_low)
    return Anchoring(shown, blind, images, difference, difference - float(below), difference + float(above))


def _interval(equal: NDArray[np.bool_], group: NDArray[np.int64]) -> tuple[float, float] | None:
    groups, member = np.unique(group, return_inverse=True)
    trials = np.bincount(member, minlength=len(groups)).astype(float)
    successes = np.bincount(member, weights=equal, minlength=len(groups)).astype(float)
    return mean_proportion_interval(successes[:, None], trials[:, None])


def _percent(agreeing: Agreeing) -> str:
    return f"{100 * (agreeing.share or 0):.1f} %"
