"""The plan: how large an acceptance sample pays, and what it will probably allow to fill. Or why nothing can be filled yet."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.certificates.bounds import sample_for
from annotator.domain.certificates.decision import SHARE_FOR_MEMBERS, remaining_errors, remaining_misses
from annotator.domain.certificates.forecast import worlds
from annotator.domain.certificates.ladder import Checked, Ladder, choose_ladder
from annotator.domain.certificates.search import LIMITED, Seconds, Weighed, find_options, may_fill, search
from annotator.domain.certificates.target import Allowance, Target, level_of_attempt
from annotator.domain.plurals import counted

FEWEST_CELLS, FEWEST_GROUPS = 30, 10
"""Fewer checked cells, or cells of fewer groups, say too little for a plan."""
LEAST_SAVED = 0.1
"""A sample that saves a smaller share of what all open cells would take is not proposed."""


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
        return {**asdict(self), "ladder": self.ladder.to_json()}


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
        match self.reason:
            case "recall" if self.value is not None:
                return (
                    f"{attribute} cannot be filled yet: “{values[self.value]}”, about "
                    f"{counted(self.members or 0, 'image', 'images')}, would need about {self.needed or 0:,} blind answers "
                    "for this recall. More labels of it, or no promise of recall, would help."
                )
            case "few_checked":
                return (
                    f"{attribute} cannot be planned yet: about {counted(self.needed or 0, 'more answer', 'more answers')} "
                    "of audit images, or of images drawn at random, are needed."
                )
            case "people":
                return f"{attribute} cannot be filled: people's own measured errors use up this target error."
            case "no_open_cells":
                return f"{attribute} has no open cells that the model has scored."
            case "no_gain":
                return f"{attribute} is better labelled by hand: the blind answers would cost more time than is saved."
        return f"{attribute} cannot be filled yet: the model is not sure enough for this target error. More labels would help."


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
    remaining = remaining_errors(images, target, allowance or Allowance())
    if missing := _missing_ground(checked, open_, remaining):
        return missing
    level, cost = level_of_attempt(attempt, target.confidence), seconds or Seconds()
    ladder = choose_ladder(checked, open_, labelled_counts, images, target)
    possible = worlds(checked, open_, ladder)
    options = find_options(possible, labelled_counts, remaining, target, level, cost)
    worthwhile = LEAST_SAVED * len(open_) * cost.usual
    found = search(options, target, worthwhile)
    best, free = found.best, found.free
    saved, saved_without_recall = (best.saved if best else 0), (free.saved if free else 0)
    is_limited = free is not None and saved_without_recall > LIMITED * max(saved, 0)
    limiting = free.option.trial.tightest if free and is_limited else None
    if best and saved >= worthwhile:
        return _plan_of(best, ladder.truncated(best.option.levels), cost, limiting)
    if free and limiting is not None and saved_without_recall >= worthwhile and target.recall is not None:
        members = round(float(labelled_counts[limiting] + open_[:, limiting].sum(dtype=np.float64)))
        misses = remaining_misses(members, target.recall)
        needed = sample_for(free.option.trial.candidates, misses, (1 - SHARE_FOR_MEMBERS) * level)
        return Shortfall("recall", limiting, needed, members, found.chance)
    is_possible = best is not None or (free is not None and may_fill(options))
    return Shortfall("no_gain" if is_possible else "error", chance=found.chance)


def _missing_ground(checked: Checked, open_: NDArray[np.floating[Any]], remaining: int) -> Shortfall | None:
    """Say what a plan lacks before any sample is weighed; None: nothing."""
    if not len(open_):
        return Shortfall("no_open_cells")
    if len(checked.labels) < FEWEST_CELLS or len(np.unique(checked.groups)) < FEWEST_GROUPS:
        return Shortfall("few_checked", needed=max(FEWEST_CELLS - len(checked.labels), 1))
    return Shortfall("people") if remaining < 0 else None


def _plan_of(best: Weighed, ladder: Ladder, cost: Seconds, limiting: int | None) -> Plan:
    trial = best.option.trial
    return Plan(
        ladder=ladder,
        sample=trial.sample,
        candidates=trial.candidates,
        filled=round(best.filled),
        filled_if_passed=round(best.filled / best.chance),
        chance=round(best.chance, 3),
        minutes=round(trial.sample * cost.blind / 60, 1),
        minutes_saved=round(best.saved / 60, 1),
        tolerated=trial.tolerated,
        bottleneck=limiting,
    )
