"""The ladder: nested sets of open cells, the surest first, by thresholds for each value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.certificates.target import Target


@dataclass(frozen=True)
class Checked:
    """Cells that people answered without a choice of theirs: audit and drawn images, whole groups. Never the acceptance sample.

    Attributes:
        probabilities: Of each value, by a model that did not learn from the cell's group; (cells, values), rows sum to 1.
        labels: Index of the value that people gave, -1 for "can't tell"; (cells,).
        groups: Number of each cell's group; (cells,).
        weights: How many open cells a cell stands for, in any unit: one over its chance to be drawn; (cells,).
    """

    probabilities: NDArray[np.floating[Any]]
    labels: NDArray[np.integer[Any]]
    groups: NDArray[np.integer[Any]]
    weights: NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Ladder:
    """Nested sets of cells. A cell's *risk* is the sum of the costs × probabilities of the values that it would miss.

    Attributes:
        costs: What an image of each value costs if it is missed; (values,).
        thresholds: Largest risk of a cell in each set, by the value it would be filled with; (levels, values), rows do not decrease.
    """

    costs: NDArray[np.float64]
    thresholds: NDArray[np.float64]

    def levels(self, probabilities: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Return for each cell the number of the smallest set that contains it, 1 the surest; 0: none.

        The value that a cell would be filled with is the most probable one (`probabilities.argmax(axis=1)`).
        """
        raise NotImplementedError

    def truncated(self, levels: int) -> Ladder:
        """Return the ladder of the first `levels` sets."""
        return Ladder(self.costs, self.thresholds[:levels])

    def to_json(self) -> dict[str, Any]:
        """Return the ladder as a JSON object; its numbers survive the round trip exactly."""
        return {"costs": self.costs.tolist(), "thresholds": self.thresholds.tolist()}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Ladder:
        """Read what to_json wrote."""
        return cls(np.array(stored["costs"], float), np.array(stored["thresholds"], float))


def choose_ladder(
    checked: Checked,
    open_: NDArray[np.floating[Any]],
    labelled_counts: NDArray[np.integer[Any]],
    images: int,
    target: Target,
) -> Ladder:
    """Choose the nested sets from earlier answers and the model's probabilities of the open cells, (cells, values).

    Nothing that is promised depends on this choice; how many cells can be filled does. `labelled_counts`, `images`: as in plan.
    """
    raise NotImplementedError
