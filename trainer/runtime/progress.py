"""Progress reports of a round."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """The progress of a stage (`features`, `train`, `evaluate` or `predict`): `done` of `total`."""

    stage: str
    done: int
    total: int
    message: str


Report = Callable[[Progress], None]
