"""The forecast: how many errors and missed members each nested set probably has, and how far a sample would get."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.certificates.bounds import lower_bound, tolerated
from annotator.domain.certificates.decision import SHARE_FOR_MEMBERS, remaining_misses
from annotator.domain.certificates.ladder import Checked, Ladder
from annotator.domain.certificates.target import Target

DRAWS = 300
"""Possible worlds that a forecast counts over."""
PRIOR_CELLS = 10.0
"""Cells of a set that the model's own probabilities count for, beside the checked ones."""
ALIKE = 0.1
"""Correlation of errors within a group: so much less do its cells say than as many of different groups."""


@dataclass(frozen=True)
class Worlds:
    """Possible truths about the open cells, drawn from what the checked ones and the model say.

    Attributes:
        cells: Open cells by smallest set and value, row 0 is level 1; (levels, values).
        rates: Of the cells that are in a set and not in the one before, the shares that have each other value than the model's, the
            share that people can't tell, and the share that is right; (worlds, levels, values + 2).
        precision: About which share of the cells that the model gives each value have it; (values,).
    """

    cells: NDArray[np.int64]
    rates: NDArray[np.float64]
    precision: NDArray[np.float64]

    def truncated(self, levels: int) -> Worlds:
        """Return the same truths about the first `levels` sets."""
        return Worlds(self.cells[:levels], self.rates[:, :levels], self.precision)


@dataclass(frozen=True)
class Outcome:
    """What a sample of some size would probably allow.

    Attributes:
        filled: Cells that are filled, by world; (worlds,).
        filled_without_recall: The same if the target had no recall.
        tolerated: Errors that the sample may show.
        tightest: Index of the value whose recall tolerates least; None without recall.
    """

    filled: NDArray[np.float64]
    filled_without_recall: NDArray[np.float64]
    tolerated: int
    tightest: int | None


def worlds(checked: Checked, open_: NDArray[np.floating[Any]], ladder: Ladder) -> Worlds:
    """Draw possible truths: a Dirichlet distribution for each step of the ladder, from its checked cells and the model's shares."""
    values, steps = len(ladder.costs), len(ladder.thresholds)
    levels, winners = ladder.levels(open_), open_.argmax(axis=1)
    inside = levels > 0
    cells = np.zeros((steps, values), np.int64)
    np.add.at(cells, (levels[inside] - 1, winners[inside]), 1)
    expected = np.zeros((steps, values + 2))
    for value in range(values):
        others = np.where(winners == value, 0.0, open_[:, value])
        expected[:, value] = np.bincount(levels[inside] - 1, others[inside], steps)
    total = np.maximum(cells.sum(axis=1, keepdims=True), 1)
    expected /= total
    expected[:, -1] = 1 - expected.sum(axis=1)
    seen = _seen(checked, ladder)
    shape = seen + PRIOR_CELLS * expected
    drawn = np.random.default_rng(0).gamma(np.maximum(shape, 1e-6), size=(DRAWS, *shape.shape))
    return Worlds(cells, drawn / drawn.sum(axis=2, keepdims=True), _precision(checked, open_[inside], ladder))


def outcome(
    possible: Worlds,
    sample: int,
    labelled_counts: NDArray[np.integer[Any]],
    remaining: int,
    target: Target,
    level: float,
) -> Outcome:
    """Say what a sample of this size from all cells of the worlds' sets would allow: the decision, in each world once."""
    random = np.random.default_rng(1)
    in_steps = possible.cells.sum(axis=1)
    population = int(in_steps.sum())
    drawn = random.multinomial(sample, np.broadcast_to(in_steps / population, (DRAWS, len(in_steps))))
    seen = np.cumsum(random.multinomial(drawn, possible.rates), axis=1)
    errors = seen[:, :, :-1].sum(axis=2)
    most = tolerated(population, sample, remaining, level)
    passed = right_enough = errors <= most
    tightest, least = None, population
    if target.recall is not None:
        members = _members(possible, sample, labelled_counts, level)
        for value in np.flatnonzero(labelled_counts > 0):
            misses = remaining_misses(int(members[value]), target.recall)
            will_do = tolerated(population, sample, misses, (1 - SHARE_FOR_MEMBERS) * level)
            passed = passed & (seen[:, :, value] <= will_do)
            if misses < least:
                tightest, least = int(value), misses
    not_drawn = np.concatenate([[0], np.cumsum(in_steps)]) * (1 - sample / population)
    filled, without_recall = (not_drawn[sets.sum(axis=1)] for sets in (passed, right_enough))
    return Outcome(filled, without_recall, most, tightest)


def _members(
    possible: Worlds, sample: int, labelled_counts: NDArray[np.integer[Any]], level: float
) -> NDArray[np.int64]:
    """Return about how many members of each value the sample would make certain; (values,)."""
    by_value = possible.cells.sum(axis=0)
    found = []
    for cells, precision in zip(by_value, possible.precision, strict=True):
        drawn = round(sample * int(cells) / int(by_value.sum()))
        found.append(lower_bound(int(cells), drawn, floor(drawn * precision), SHARE_FOR_MEMBERS * level))
    return np.asarray(labelled_counts, np.int64) + np.array(found, np.int64)


def _precision(checked: Checked, inside: NDArray[np.floating[Any]], ladder: Ladder) -> NDArray[np.float64]:
    """Return which share of the cells of the sets has the value that the model gives, by that value; (values,)."""
    values = len(ladder.costs)
    winners = inside.argmax(axis=1)
    cells = np.bincount(winners, minlength=values)
    expected = (np.bincount(winners, inside.max(axis=1), values) + 1) / (cells + 1)
    checked_inside = ladder.levels(checked.probabilities) > 0
    given, labels = checked.probabilities.argmax(axis=1)[checked_inside], checked.labels[checked_inside]
    right = np.bincount(given[given == labels], minlength=values)
    seen = np.bincount(given, minlength=values)
    return np.asarray((right + PRIOR_CELLS * expected) / (seen + PRIOR_CELLS))


def _seen(checked: Checked, ladder: Ladder) -> NDArray[np.float64]:
    """Count the checked cells of each step by what they show, as many as cells of different groups would say as much; columns as rates."""
    values, steps = len(ladder.costs), len(ladder.thresholds)
    seen = np.zeros((steps, values + 2))
    if not len(checked.labels):
        return seen
    levels, winners = ladder.levels(checked.probabilities), checked.probabilities.argmax(axis=1)
    shown = np.where(
        checked.labels == winners, values + 1, np.where(checked.labels < 0, values, checked.labels)
    )
    weights = checked.weights / checked.weights.mean()
    inside = levels > 0
    np.add.at(seen, (levels[inside] - 1, shown[inside]), weights[inside])
    sizes = np.bincount(np.unique(checked.groups, return_inverse=True)[1])
    alike = 1 + ALIKE * float((sizes**2).sum() / sizes.sum() - 1)
    effective = weights.sum() ** 2 / (weights**2).sum() / len(weights)
    return np.asarray(seen * (effective / alike))
