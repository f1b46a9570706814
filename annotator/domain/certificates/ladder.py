"""The ladder: nested sets of open cells, from the surest to the least sure, by thresholds for each value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.certificates.target import Target

SPENT = (0.003, 0.01, 0.03, 0.07, 0.14, 0.25, 0.4, 0.6, 0.8, 1.0, 1.4, 2.0)
"""The sets end where the expected risk is this share of the errors that the target allows: too few to fail, and too many to pass."""
SMALLEST_STEP = 0.002
"""A set that adds a smaller share of the open cells is left out."""
DEAREST = 50.0
"""Largest cost of a value."""
PRIOR_ERRORS = 2.0
"""Errors that the comparison of the model's risk with the checked cells' errors starts from, on both sides."""


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
        values = probabilities.argmax(axis=1)
        risks = risk(probabilities, values, self.costs)
        levels = np.zeros(len(values), np.int64)
        for value in range(len(self.costs)):
            cells = values == value
            smallest = np.searchsorted(self.thresholds[:, value], risks[cells]) + 1
            levels[cells] = np.where(smallest <= len(self.thresholds), smallest, 0)
        return levels

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

    Cells are ordered by risk, so rare values, whose recall allows few misses, are guarded. The checked cells say for each value by
    which factor the model is too sure or too careful. Nothing that is promised depends on this choice; how many cells can be filled
    does. `labelled_counts`, `images`: as in plan.
    """
    costs = costs_of_values(open_, labelled_counts, images, target)
    factors = _risk_factors(checked, costs)
    values = open_.argmax(axis=1)
    risks = np.sort(risk(open_, values, costs) * factors[values])
    ends = np.searchsorted(np.cumsum(risks), np.array(SPENT) * target.error * images)
    kept, previous = [], 0
    for end in ends:
        if end - previous >= max(1, SMALLEST_STEP * len(risks)):
            kept.append(end - 1)
            previous = end
    limits = risks[kept] if kept else risks[:1]
    return Ladder(costs, limits[:, None] / factors)


def risk(
    probabilities: NDArray[np.floating[Any]], values: NDArray[np.int64], costs: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what is lost as expected if each cell is filled with its value; (cells,)."""
    others = probabilities.astype(np.float64)
    others[np.arange(len(values)), values] = 0
    return others @ costs


def costs_of_values(
    open_: NDArray[np.floating[Any]],
    labelled_counts: NDArray[np.integer[Any]],
    images: int,
    target: Target,
) -> NDArray[np.float64]:
    """Return what an image of each value costs if it is missed: 1 for the error, and more where its recall allows fewer misses."""
    if target.recall is None:
        return np.ones(len(labelled_counts))
    misses = (1 - target.recall) * np.maximum(labelled_counts + open_.sum(axis=0, dtype=np.float64), 1e-9)
    dearer = np.minimum(1 + target.error * images / misses, DEAREST)
    return np.where(labelled_counts > 0, dearer, 1.0)


def _risk_factors(checked: Checked, costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many times more is lost among the checked cells than the model expects, by the value it gives; (values,)."""
    if not len(checked.labels):
        return np.ones(len(costs))
    values = checked.probabilities.argmax(axis=1)
    weights = checked.weights / checked.weights.mean()
    expected = risk(checked.probabilities, values, costs) * weights
    lost = np.where(checked.labels == values, 0.0, np.where(checked.labels < 0, 1.0, costs[checked.labels]))
    lost_by_value = np.bincount(values, lost * weights, len(costs))
    expected_by_value = np.bincount(values, expected, len(costs))
    return (lost_by_value + PRIOR_ERRORS) / (expected_by_value + PRIOR_ERRORS)
