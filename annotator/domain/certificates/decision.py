"""The decision: which of the nested sets may be filled, by what the acceptance sample showed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.certificates.target import Allowance, Target

CANNOT_TELL, UNANSWERED = -1, -2
"""Labels of a sample's cells that have no value. UNANSWERED also stands for an answer that was not blind and for an image that
no longer counts: such a cell counts as an error, and is never redrawn, because what people see must not choose the sample."""


@dataclass(frozen=True)
class Sample:
    """The acceptance sample, a row for each cell that was drawn, answered or not.

    Attributes:
        levels: Number of the smallest set that contains the cell, 1 the surest; (cells,).
        values: Index of the value that the cell would be filled with; (cells,).
        labels: Index of the value that people gave, or CANNOT_TELL or UNANSWERED; (cells,).
    """

    levels: NDArray[np.integer[Any]]
    values: NDArray[np.integer[Any]]
    labels: NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Step:
    """One of the nested sets: its cells at the draw, those of the sample, and the errors among these (unanswered ones too)."""

    level: int
    cells: int
    sampled: int
    errors: int
    accepted: bool


@dataclass(frozen=True)
class Recall:
    """What the sample showed of one value.

    Attributes:
        value: Index of the value.
        members: Images that certainly have it (lower bound), among labels and candidates.
        missed: Missed members that the sample showed in the accepted set; in the first set if none is accepted.
        tolerated: How many it may show; -1: the sample is too small to promise this recall.
    """

    value: int
    members: int
    missed: int
    tolerated: int


@dataclass(frozen=True)
class Decision:
    """What an acceptance sample allows.

    Attributes:
        level: The largest set that may be filled; None: none.
        errors: Errors that the sample showed in the accepted set; in the first set if none is accepted.
        tolerated: How many it may show; -1: the sample is too small for the target.
        remaining: Wrong values that are left in the filled cells at most, with the target's confidence.
        estimate: Wrong values that are probably left in the filled cells.
        unanswered: Cells of the sample without a blind answer, counted as errors.
        steps: The nested sets.
        recalls: Each value; empty if the target has no recall.
        bottleneck: Index of the value that stopped it, None: the error did, or nothing.
    """

    level: int | None
    errors: int
    tolerated: int
    remaining: int
    estimate: float
    unanswered: int
    steps: list[Step]
    recalls: list[Recall]
    bottleneck: int | None

    def to_json(self) -> dict[str, Any]:
        """Return the decision as a JSON object."""
        raise NotImplementedError

    def sentence(self, values: list[str]) -> str:
        """Say in words what was decided and why; `values`: their names."""
        raise NotImplementedError


def decide(
    population: NDArray[np.integer[Any]],
    sample: Sample,
    labelled_counts: NDArray[np.integer[Any]],
    images: int,
    target: Target,
    attempt: int = 1,
    allowance: Allowance | None = None,
) -> Decision:
    """Decide which of the nested sets may be filled.

    It may be called at any time, also while answers are missing: they count as errors, so an early yes would have stayed a yes.

    Args:
        population: Cells at the draw by smallest set and value, the sample's among them, also those that have been
            answered or excluded since; (levels, values), row 0 is level 1.
        sample: All cells that were drawn, and their answers.
        labelled_counts: Labels of each value at the draw, or now if fewer; none of a candidate cell; (values,).
        images: Images that count at the draw, or now if fewer.
        target: What must hold.
        attempt: As in plan.
        allowance: For people's own errors.
    """
    raise NotImplementedError
