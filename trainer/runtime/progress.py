"""How a round tells where it is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a round is: `done` of `total` of a stage (`features`, `train`, `evaluate` or `predict`)."""

    stage: str
    done: int
    total: int
    message: str


Report = Callable[[Progress], None]
