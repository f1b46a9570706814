"""The plan: how large an acceptance sample pays, and what it will probably allow to fill. Or why nothing can be filled yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.certificates.ladder import Checked, Ladder
from annotator.domain.certificates.target import Allowance, Target


@dataclass(frozen=True)
class Seconds:
    """What a cell costs a person: answered blind, and answered or confirmed as usual."""

    blind: float = 2.0
    usual: float = 2.0


@dataclass(frozen=True)
class Plan:
    """An acceptance sample that pays.

    Attributes:
        ladder: The nested sets; the sample is drawn from the cells of the last one, each set of cells equally probable.
        sample: Number of cells to draw and ask blind.
        candidates: Number of cells in the last set.
        filled: Cells that will be filled, as expected, those of failure counted as 0.
        filled_if_passed: The same in the case that something is filled.
        chance: Of something being filled.
        minutes: Of a person, for the blind answers.
        minutes_saved: Of a person, until the attribute is finished, as expected.
        tolerated: Errors that the sample may show.
        bottleneck: Index of the value whose recall limits the plan most; None: the error does.
    """

    ladder: Ladder
    sample: int
    candidates: int
    filled: int
    filled_if_passed: int
    chance: float
    minutes: float
    minutes_saved: float
    tolerated: int
    bottleneck: int | None

    def to_json(self) -> dict[str, Any]:
        """Return the plan as a JSON object."""
        raise NotImplementedError


@dataclass(frozen=True)
class Shortfall:
    """Why nothing can be filled.

    Attributes:
        reason: `few_checked`, `no_open_cells`, `people` (their own errors use up the target), `recall`, `error` or `no_gain`.
        value: Index of the value whose recall is the reason; None for the other reasons.
        needed: Blind answers that it would probably need; None: no number of them would do.
        members: About how many images have the value; None for the other reasons.
        chance: Of the best sample that would save time; None where none was weighed.
    """

    reason: str
    value: int | None = None
    needed: int | None = None
    members: int | None = None
    chance: float | None = None

    def sentence(self, attribute: str, values: list[str]) -> str:
        """Say it in words: what is short, and what it would need."""
        raise NotImplementedError


def plan(
    checked: Checked,
    open_: NDArray[np.floating[Any]],
    labelled_counts: NDArray[np.integer[Any]],
    images: int,
    target: Target,
    attempt: int = 1,
    seconds: Seconds | None = None,
    allowance: Allowance | None = None,
) -> Plan | Shortfall:
    """Choose the nested sets and the size of the sample that probably save most of a person's time.

    Args:
        checked: Earlier answers that were drawn, not chosen; see Checked.
        open_: The model's probabilities of all open cells, those that an earlier certificate filled among them; (cells, values).
        labelled_counts: Labels of each value that people gave; (values,).
        images: All images that count, with a label or without.
        target: What must hold.
        attempt: 1 for the attribute's first certificate that asked a sample, counted from 1.
        seconds: What an answer costs.
        allowance: For people's own errors.
    """
    raise NotImplementedError
