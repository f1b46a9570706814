"""The forecast: how many errors and missed members each nested set probably has, and how far a sample would get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.certificates.bounds import tolerated, tolerated_each
from annotator.domain.certificates.decision import SHARE_FOR_MEMBERS
from annotator.domain.certificates.ladder import Checked, Ladder
from annotator.domain.certificates.target import Target

DRAWS, PART = 150, 30
"""Possible worlds that a forecast counts over, and how many of them are decided at once."""
PRIOR_CELLS = 10.0
"""Cells of a set that the model's own probabilities count for, beside the checked ones."""
PRIOR_ERRORS = 0.5
"""Errors that are added to the checked ones, divided among the sets: a sure model errs too, where labels are noisy (Jeffreys)."""
ALIKE = 0.1
"""Correlation of errors within a group: so much less do its cells say than as many of different groups."""


SLACK = 1.5
"""A value whose recall allows so many times as many misses as the error allows errors is not weighed: the error stops before it."""
MANY = 2**62
"""More misses than any recall allows."""


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

    @cached_property
    def in_sets(self) -> NDArray[np.int64]:
        """Cells of no set, of the first, of the first two …; (levels + 1,)."""
        return np.concatenate([[0], np.cumsum(self.cells.sum(axis=1))])

    @cached_property
    def by_value(self) -> NDArray[np.int64]:
        """Cells of all sets by the value that the model gives; (values,)."""
        return np.asarray(self.cells.sum(axis=0))

    def truncated(self, levels: int) -> Worlds:
        """Return the same truths about the first `levels` sets."""
        return Worlds(self.cells[:levels], self.rates[:, :levels], self.precision)


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


class Trial:
    """A sample of some size from all cells of the worlds' sets: what it would probably allow, the decision in each world once.

    Random numbers are drawn in parts, as far as somebody asks, and are always the same. Most samples turn out to be worse than
    another one before all worlds are decided.

    Args:
        possible: the worlds.
        sample: the size of the sample.
        labelled_counts: labels of each value that people gave; (values,).
        remaining: errors that may be left.
        target: what must hold.
        level: at which it is tested.
    """

    def __init__(
        self,
        possible: Worlds,
        sample: int,
        labelled_counts: NDArray[np.integer[Any]],
        remaining: int,
        target: Target,
        level: float,
    ) -> None:
        self._possible, self.sample, self._labelled = possible, sample, labelled_counts
        self._remaining, self._target, self._level = remaining, target, level
        self.candidates = int(possible.in_sets[-1])
        self._not_drawn = possible.in_sets * (1 - sample / self.candidates)
        self._decided = 0
        self._most = float(self._not_drawn[-1])

    @cached_property
    def tolerated(self) -> int:
        """Errors that the sample may show."""
        return tolerated(self.candidates, self.sample, self._remaining, self._level)

    def filled_without_recall(self, enough: Callable[[float], bool] | None = None) -> NDArray[np.float64]:
        """Return the cells that are filled if the target has no recall, by world; (worlds,).

        Args:
            enough: whether a mean that it surely does not exceed is low enough to stop. The worlds that are not decided then have
                all cells that could be filled.
        """
        while self._decided < DRAWS and not (enough and enough(self.most)):
            if not self._decided:
                self._begin()
            part = slice(self._decided, self._decided + PART)
            seen = np.cumsum(self._random.multinomial(self._drawn[part], self._possible.rates[part]), axis=1)
            self._seen[part] = seen
            # Few errors is much that is right, of all that was drawn from these sets.
            self._right_enough[part] = seen[:, :, -1] >= self._least_right[part]
            self._filled_without_recall[part] = self._not_drawn[self._right_enough[part].sum(axis=1)]
            self._decided += PART
            self._most = float(self._filled_without_recall.mean())
        return self._filled_without_recall if self._decided else np.full(DRAWS, self._not_drawn[-1])

    def _begin(self) -> None:
        """Draw how many cells of each set the sample has in each world."""
        cells = self._possible.cells
        self._random = np.random.default_rng(1)
        shares = np.broadcast_to(cells.sum(axis=1) / self.candidates, (DRAWS, len(cells)))
        self._drawn = self._random.multinomial(self.sample, shares)
        self._least_right = np.cumsum(self._drawn, axis=1) - self.tolerated
        self._seen = np.empty((DRAWS, len(cells), cells.shape[1] + 2), np.int64)
        self._right_enough = np.zeros((DRAWS, len(cells)), bool)
        self._filled_without_recall = np.full(DRAWS, self._not_drawn[-1])

    def filled(self, enough: Callable[[NDArray[np.float64]], bool] | None = None) -> NDArray[np.float64]:
        """Return the cells that are filled, by world; (worlds,).

        Args:
            enough: whether cells by world that it surely does not exceed are low enough to stop: these are then returned.
        """
        filled = self.filled_without_recall()
        passed = self._right_enough
        for value, misses in self._weighed:
            if enough and enough(filled):
                break
            share = (1 - SHARE_FOR_MEMBERS) * self._level
            will_do = tolerated_each(self.candidates, self.sample, misses, share)
            passed = passed & (self._seen[:, :, value] <= will_do[:, None])
            filled = self._not_drawn[passed.sum(axis=1)]
        return filled

    @property
    def most(self) -> float:
        """Cells that it surely fills no more than, on average: so far as its worlds are decided."""
        return self._most

    @property
    def is_hopeless(self) -> bool:
        """Whether the sample is surely too small for the recall of some value: then nothing is filled in any world."""
        if self._target.recall is None:
            return False
        most = self._labelled + self._possible.by_value
        misses = _misses_of(most, self._target.recall)
        least = int(misses[self._labelled > 0].min(initial=MANY))
        share = (1 - SHARE_FOR_MEMBERS) * self._level
        return least < SLACK * self._remaining and tolerated(self.candidates, self.sample, least, share) < 0

    @property
    def tightest(self) -> int | None:
        """Index of the value whose recall tolerates least; None without recall."""
        weighed = self._weighed
        return weighed[0][0] if weighed else None

    @cached_property
    def _weighed(self) -> list[tuple[int, NDArray[np.int64]]]:
        """The values whose recall may stop it, with the misses that may be left in each world; the tightest one first."""
        if self._target.recall is None:
            return []
        self.filled_without_recall()  # its random numbers come before
        members = _members(self._possible, self.sample, self._labelled, self._level, self._random)
        misses = _misses_of(members, self._target.recall)
        usual = np.median(misses, axis=0)
        values = np.flatnonzero((self._labelled > 0) & (usual < SLACK * self._remaining))
        return [(int(v), misses[:, v]) for v in values[np.argsort(usual[values], kind="stable")]]


def _misses_of(members: NDArray[Any], recall: float) -> NDArray[np.int64]:
    """Return how many missed members leave the recall intact."""
    return np.asarray(np.floor(members * (1 - recall) / recall + 1e-9), np.int64)


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
