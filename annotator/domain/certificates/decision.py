"""The decision: which of the nested sets may be filled, by what the acceptance sample showed.

Why one tolerated number serves all sets. Let K be the errors that may be left, n cells be drawn from the last set, and c be
`tolerated` errors: if any fixed K + 1 + c cells are marked, the sample shows at most c of them with a chance of at most α.
Order all errors by the set they are in. Suppose a set is filled wrongly: at most c of its errors were drawn, and more than K were
not. Then at most c of the first K + 1 + c errors were drawn, whether the set has more errors than that, or fewer (those that
it lacks are at most the draws that c leaves). The chance of this is at most α, for all sets together: nothing has to be corrected for
choosing the largest one. (Tolerance limits: Wilks 1941; fixed sequence: Bauer 1991; Learn then Test: arXiv 2110.01052.)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.certificates.bounds import lower_bound, tolerated
from annotator.domain.certificates.target import Allowance, Target, level_of_attempt
from annotator.domain.plurals import counted

CANNOT_TELL, UNANSWERED, OUTSIDE = -1, -2, -3
"""Labels of a sample's cells that have no value. UNANSWERED also stands for an answer that was not blind: such a cell counts as an
error, and is never redrawn, because what people do must not choose the sample. OUTSIDE stands for a cell of no image that counts:
excluded, erased, or ended by another answer. It is no error and no member of any value, as are all such cells that were not drawn."""
SHARE_FOR_MEMBERS = 0.1
"""Share of a recall's level that bounds the number of its members from below; the rest bounds the misses (Berger and Boos 1994)."""


@dataclass(frozen=True)
class Sample:
    """The acceptance sample, a row for each cell that was drawn, answered or not.

    Attributes:
        levels: Number of the smallest set that contains the cell, 1 the surest; (cells,).
        values: Index of the value that the cell would be filled with; (cells,).
        labels: Index of the value that people gave, or CANNOT_TELL, UNANSWERED or OUTSIDE; (cells,).
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
        recalls: Each value that some image had at the draw (of others nothing is promised); empty if the target has no recall.
        bottleneck: Index of the value whose recall stopped it; None: the error did, or nothing.
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
        return asdict(self)

    def sentence(self, values: list[str]) -> str:
        """Say in words what was decided and why; `values`: their names."""
        unanswered = counted(self.unanswered, "cell of the sample has", "cells of the sample have")
        why = self._failure(values) if self.level is None else self._success()
        return f"{why} {unanswered} no blind answer and counted as errors." if self.unanswered else why

    def _success(self) -> str:
        step = self.steps[(self.level or 1) - 1]
        return (
            f"{counted(step.cells - step.sampled, 'cell', 'cells')} can be filled: the sample showed "
            f"{counted(step.errors, 'error', 'errors')} among {counted(step.sampled, 'such cell', 'such cells')}, "
            f"and tolerates {self.tolerated}."
        )

    def _failure(self, values: list[str]) -> str:
        if self.bottleneck is not None:
            recall = next(r for r in self.recalls if r.value == self.bottleneck)
            name = values[recall.value]
            if recall.tolerated < 0:
                return f"Nothing is filled: the sample is too small to promise the recall of “{name}”."
            return (
                f"Nothing is filled: among the cells that the model is surest of, it missed “{name}” "
                f"{counted(recall.missed, 'time', 'times')}, and the sample tolerates {recall.tolerated}."
            )
        if self.tolerated < 0:
            return "Nothing is filled: the sample is too small for this target error."
        shown = (
            f"Nothing is filled: the sample showed {counted(self.errors, 'error', 'errors')} among the "
            f"{counted(self.steps[0].sampled, 'cell', 'cells')} that the model is surest of"
        )
        if self.errors <= self.tolerated:
            return f"{shown}, and a value is never filled where most cells are wrong."
        return f"{shown}, and tolerates {self.tolerated}."


@dataclass(frozen=True)
class Claim:
    """One of the promises: what counts against it in each nested set of the sample, and how much of that is tolerated.

    Attributes:
        value: Index of the value whose recall it is; None: the error.
        seen: Errors or missed members in the sample, by set, none smaller than in the set before; (levels,).
        tolerated: The most that will do.
    """

    value: int | None
    seen: NDArray[np.int64]
    tolerated: int

    def passed(self) -> int:
        """Return the number of sets that pass: the first ones."""
        return int((self.seen <= self.tolerated).sum())


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
    levels = len(population)
    level = level_of_attempt(attempt, target.confidence)
    cells, drawn = int(population.sum()), len(sample.labels)
    remaining = remaining_errors(images, target, allowance or Allowance())
    wrong = (sample.labels != sample.values) & (sample.labels != OUTSIDE)
    errors = Claim(None, _by_set(sample.levels[wrong], levels), tolerated(cells, drawn, remaining, level))
    members = certain_members(population, sample, labelled_counts, level)
    claims = [errors, *_recall_claims(population, sample, labelled_counts, members, target, level)]
    limiting = min(claims, key=Claim.passed)
    passed = limiting.passed()
    in_sets, sampled = np.cumsum(population.sum(axis=1)), _by_set(sample.levels, levels)
    accepted = _mostly_right(passed, errors.seen, sampled)
    shown = max(accepted, 1) - 1
    left = int(in_sets[shown] - sampled[shown]) if accepted else 0
    return Decision(
        level=accepted or None,
        errors=int(errors.seen[shown]),
        tolerated=errors.tolerated,
        remaining=max(0, min(remaining, left)),
        estimate=round(left * int(errors.seen[shown]) / max(int(sampled[shown]), 1), 1),
        unanswered=int((sample.labels == UNANSWERED).sum()),
        steps=[
            Step(n + 1, int(in_sets[n]), int(sampled[n]), int(errors.seen[n]), n < accepted)
            for n in range(levels)
        ],
        recalls=[
            Recall(claim.value, int(members[claim.value]), int(claim.seen[shown]), claim.tolerated)
            for claim in claims
            if claim.value is not None
        ],
        bottleneck=limiting.value if accepted == passed < levels else None,
    )


def remaining_errors(images: int, target: Target, allowance: Allowance) -> int:
    """Return how many filled cells may be wrong; negative: people's own errors use up the target."""
    return floor((target.error - allowance.share(images)) * images + 1e-9)


def remaining_misses(members: int, recall: float) -> int:
    """Return how many missed members leave the recall intact, if so many are found."""
    return floor(members * (1 - recall) / recall + 1e-9)


def certain_members(
    population: NDArray[np.integer[Any]],
    sample: Sample,
    labelled_counts: NDArray[np.integer[Any]],
    level: float,
) -> NDArray[np.int64]:
    """Return how many images have each value at least: labelled at the draw, or candidates filled rightly; (values,)."""
    by_value = population.sum(axis=0)
    right = [
        lower_bound(
            int(by_value[value]),
            int((sample.values == value).sum()),
            int(((sample.values == value) & (sample.labels == value)).sum()),
            SHARE_FOR_MEMBERS * level,
        )
        for value in range(len(by_value))
    ]
    return np.asarray(labelled_counts, np.int64) + np.array(right, np.int64)


def _recall_claims(
    population: NDArray[np.integer[Any]],
    sample: Sample,
    labelled_counts: NDArray[np.integer[Any]],
    members: NDArray[np.int64],
    target: Target,
    level: float,
) -> list[Claim]:
    """Return the claim of each value that some image had at the draw; none if the target has no recall."""
    if target.recall is None:
        return []
    claims = []
    for value in np.flatnonzero(labelled_counts > 0):
        missed = (sample.values != value) & ((sample.labels == value) | (sample.labels == UNANSWERED))
        will_do = tolerated(
            int(population.sum()),
            len(sample.labels),
            remaining_misses(int(members[value]), target.recall),
            (1 - SHARE_FOR_MEMBERS) * level,
        )
        claims.append(Claim(int(value), _by_set(sample.levels[missed], len(population)), will_do))
    return claims


def _mostly_right(passed: int, errors: NDArray[np.int64], sampled: NDArray[np.int64]) -> int:
    """Return the largest set of those that passed in which the sample showed at least as many right values as errors.

    A set with fewer cells than the target allows errors passes whatever the sample shows. Filling less keeps every promise.
    """
    while passed and 2 * errors[passed - 1] > sampled[passed - 1]:
        passed -= 1
    return passed


def _by_set(smallest: NDArray[np.integer[Any]], levels: int) -> NDArray[np.int64]:
    """Return how many cells each nested set has, from the smallest set of each cell."""
    return np.cumsum(np.bincount(smallest, minlength=levels + 1)[1:])
