"""What a certificate promises, at which level an attempt is tested, and what is kept for people's own errors."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

SHARE_OF_FIRST = 0.8
"""Share of the whole level that the first attempt may use. Each later attempt may use a fifth of the one before: in sum, all of it."""


@dataclass(frozen=True)
class Target:
    """What must hold of the finished attribute, where every image that counts has a value.

    Attributes:
        error: Largest share of wrong values among all images that count.
        recall: Smallest share of a value's images that have this value, for each value; None: no promise.
        confidence: Confidence of each promise, over all attempts together.
    """

    error: float = 0.01
    recall: float | None = 0.95
    confidence: float = 0.95

    def to_json(self) -> dict[str, Any]:
        """Return the target as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Target:
        """Read what to_json wrote."""
        return cls(**stored)


@dataclass(frozen=True)
class Allowance:
    """What of the target error is kept for people's own errors; zero where nothing was measured.

    Attributes:
        people: Upper bound on the share of wrong answers that people give blind (gold, overlap, asked again).
        anchoring: Upper bound on the share of wrong answers that people give beyond that in sight of a suggestion.
        in_sight: Number of labels that were given in sight of a suggestion.
        measured: Whether `people` was measured. If not, a certificate says that people's answers count as right.
    """

    people: float = 0.0
    anchoring: float = 0.0
    in_sight: int = 0
    measured: bool = False

    def share(self, images: int) -> float:
        """Return the share of all cells that may be wrong because of people."""
        return self.people + self.anchoring * self.in_sight / max(images, 1)


def level_of_attempt(attempt: int, confidence: float = 0.95) -> float:
    """Return the level that an attempt is tested at, 1 for the first: (1 - confidence) · 0.8 · 0.2^(attempt - 1).

    The levels of all attempts sum to 1 - confidence, so an attribute may be tried again and the promise still holds (union bound).
    """
    return (1 - confidence) * SHARE_OF_FIRST * (1 - SHARE_OF_FIRST) ** (attempt - 1)
