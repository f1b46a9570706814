"""What is known of people's own errors, which a certificate counts as right answers.

A certificate promises agreement with people. How far people are from the truth is another distance, and the two add up. Measured
errors of people are therefore told beside every promise. They are not subtracted from the target: a measurement from some
fifty answers has so wide an interval that its upper end would forbid every certificate of people who hardly err.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from annotator.domain.metrics.noise_ceiling import NoiseCeiling
from annotator.domain.plurals import percent

_KINDS = {"gold": "answers to gold images", "pairs": "images that several people answered"}


@dataclass(frozen=True)
class PeopleErrors:
    """The share of wrong answers that people give, as measured for an attribute.

    Attributes:
        source: `gold`: by answers to gold images; `pairs`: by images that several people answered.
        answers: Number of answers to gold images, or of pairs of answers.
        share: Of wrong answers.
        low, high: Its 95 % interval.
    """

    source: str
    answers: int
    share: float
    low: float
    high: float

    @classmethod
    def from_ceiling(cls, ceiling: NoiseCeiling) -> Self:
        """Return what a perfect model's accuracy leaves."""
        right = ceiling.accuracy
        shares = (round(1 - share, 4) for share in (right.value, right.high, right.low))
        return cls(ceiling.source, ceiling.answers, *shares)

    def to_json(self) -> dict[str, Any]:
        """Return them as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read what to_json wrote."""
        return cls(**stored)

    def warning(self, error: float) -> str:
        """Say what they mean for a target error; "" if they surely leave room for it."""
        if self.low > error:
            return (
                f"People themselves err more often than in {percent(error)}: {self._measured()}. A certificate promises agreement "
                "with people, so it cannot promise this error of the truth. Clearer guidelines, or a larger error, would help."
            )
        if self.share > error:
            return (
                f"People's own errors may use up {percent(error)}: {self._measured()}. A certificate counts their answers as right. "
                "More answers to gold images would tell."
            )
        return ""

    def sentence(self, error: float) -> str:
        """Say how much of a target error they may already take."""
        taken = (
            "more than the whole target error" if self.low > error
            else f"{percent(min(self.share / error, 1))} of the target error" if self.high <= error
            else "perhaps all of the target error"
        )  # fmt: skip
        return (
            f"Answers of people count as right, although {self._measured()}. That is {taken}: from the truth, values may be as far "
            "as both errors together."
        )

    def _measured(self) -> str:
        return (
            f"about {percent(_rounded(self.share))} of their answers are wrong ({percent(_rounded(self.low))}–"
            f"{percent(_rounded(self.high))}), by {self.answers:,} {_KINDS[self.source]}"
        )


def _rounded(share: float) -> float:
    """Two digits are all that the interval allows."""
    return float(f"{share:.2g}")
