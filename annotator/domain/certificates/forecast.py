"""The forecast: how many errors and missed members each nested set probably has, and how far a sample would get."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.certificates.bounds import tolerated, tolerated_each
from annotator.domain.certificates.decision import SHARE_FOR_MEMBERS
from annotator.domain.certificates.ladder import Checked, Ladder
from annotator.domain.certificates.target import Target

DRAWS = 150
"""Possible worlds that a forecast counts over."""
PRIOR_CELLS = 10.0
"""Cells of a set that the model's own probabilities count for, beside the checked ones."""
PRIOR_ERRORS = 0.5
"""Errors that are added to the checked ones, divided among the sets: a sure model errs too, where labels are noisy (Jeffreys)."""
ALIKE = 0.1
"""Correlation of errors within a group: so much less do its cells say than as many of different groups."""


SLACK = 1.5
"""A value whose recall allows so many times as many misses as the error allows errors is not weighed: the error stops before it."""


@dataclass(frozen=True)
class Worlds:
    """Possible truths about the open cells, drawn from what the checked ones and the model say.

    Attributes:
        cells: Open cells by smallest set and value, row 0 is level 1; (levels, values).
        rates: Of the cells that are in a set and not in the one before, the shares that have each other value than the model's, the
            share that people can't tell, and the share that is right; (worlds, levels, values + 2).
        precision: Which share of the cells that the model gives each value have it; (worlds, values).
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
    seen = _seen(checked, ladder, 1 - expected[:, -1])
    shape = seen + PRIOR_CELLS * expected
    missed = (expected[:, :-1] * cells.sum(axis=1, keepdims=True)).sum(axis=0)
    size = cells.sum(axis=1, keepdims=True) / max(cells.sum(), 1)
    shape[:, :-1] += PRIOR_ERRORS * size * missed / max(missed.sum(), 1e-9)
    random = np.random.default_rng(0)
    drawn = random.gamma(np.maximum(shape, 1e-6), size=(DRAWS, *shape.shape))
    return Worlds(
        cells, drawn / drawn.sum(axis=2, keepdims=True), _precision(checked, open_[inside], ladder, random)
    )


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
    tightest, least = None, float(SLACK * remaining)
    if target.recall is not None:
        members = _members(possible, sample, labelled_counts, level, random)
        misses = np.floor(members * (1 - target.recall) / target.recall + 1e-9).astype(np.int64)
        for value in np.flatnonzero(labelled_counts > 0):
            usual = float(np.median(misses[:, value]))
            if usual < SLACK * remaining:
                share = (1 - SHARE_FOR_MEMBERS) * level
                will_do = tolerated_each(population, sample, misses[:, value], share)
                passed = passed & (seen[:, :, value] <= will_do[:, None])
            if usual < least:
                tightest, least = int(value), usual
    not_drawn = np.concatenate([[0], np.cumsum(in_steps)]) * (1 - sample / population)
    filled, without_recall = (not_drawn[sets.sum(axis=1)] for sets in (passed, right_enough))
    return Outcome(filled, without_recall, most, tightest)


def _members(
    possible: Worlds,
    sample: int,
    labelled_counts: NDArray[np.integer[Any]],
    level: float,
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """Return about how many members of each value the sample makes certain, by Wilson's bound; (worlds, values)."""
    cells = possible.cells.sum(axis=0)
    share = sample / cells.sum()
    drawn = np.round(share * cells).astype(int)
    n = np.maximum(drawn, 1)
    right = random.binomial(drawn, possible.precision) / n
    z = NormalDist().inv_cdf(1 - SHARE_FOR_MEMBERS * level) * sqrt(1 - share)
    width = z * np.sqrt(right * (1 - right) / n + (z / (2 * n)) ** 2)
    least = (right + z**2 / (2 * n) - width) / (1 + z**2 / n)
    return np.asarray(labelled_counts + np.where(drawn > 0, np.floor(cells * least), 0))


def _precision(
    checked: Checked, inside: NDArray[np.floating[Any]], ladder: Ladder, random: np.random.Generator
) -> NDArray[np.float64]:
    """Draw which share of the cells of the sets has the value that the model gives, by that value; (worlds, values)."""
    values = len(ladder.costs)
    winners = inside.argmax(axis=1)
    cells = np.bincount(winners, minlength=values)
    expected = (np.bincount(winners, inside.max(axis=1), values) + 1) / (cells + 1)
    checked_inside = ladder.levels(checked.probabilities) > 0
    given, labels = checked.probabilities.argmax(axis=1)[checked_inside], checked.labels[checked_inside]
    right = np.bincount(given[given == labels], minlength=values)
    wrong = np.bincount(given[given != labels], minlength=values)
    return random.beta(
        right + PRIOR_CELLS * expected, wrong + PRIOR_CELLS * (1 - expected) + 1e-6, (DRAWS, values)
    )


def _seen(checked: Checked, ladder: Ladder, uncertain: NDArray[np.float64]) -> NDArray[np.float64]:
    """Count the checked cells of each step by what they show, as many as cells of different groups would say as much; columns as rates.

    `uncertain`: the share of wrong values that the model expects among a step's open cells. Where it is larger than among the
    checked ones, fewer of these count as right.
    """
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
    unsure = 1 - checked.probabilities.max(axis=1).astype(np.float64)
    among_checked = np.bincount(levels[inside] - 1, (unsure * weights)[inside], steps) + 1e-9
    seen[:, -1] *= np.minimum(1, among_checked / np.maximum(seen.sum(axis=1), 1e-9) / (uncertain + 1e-9))
    sizes = np.bincount(np.unique(checked.groups, return_inverse=True)[1])
    alike = 1 + ALIKE * float((sizes**2).sum() / sizes.sum() - 1)
    effective = weights.sum() ** 2 / (weights**2).sum() / len(weights)
    return np.asarray(seen * (effective / alike))
