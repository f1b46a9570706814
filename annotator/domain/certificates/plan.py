"""The plan: how large an acceptance sample pays, and what it will probably allow to fill. Or why nothing can be filled yet."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.certificates.bounds import tolerated
from annotator.domain.certificates.decision import SHARE_FOR_MEMBERS, remaining_errors, remaining_misses
from annotator.domain.certificates.forecast import Outcome, Worlds, outcome, worlds
from annotator.domain.certificates.ladder import Checked, Ladder, choose_ladder
from annotator.domain.certificates.target import Allowance, Target, level_of_attempt
from annotator.domain.plurals import counted

FEWEST_CELLS, FEWEST_GROUPS = 30, 10
"""Fewer checked cells, or cells of fewer groups, say too little for a plan."""
LEAST_CHANCE = 0.7
"""A sample that will less probably allow anything is not proposed."""
LEAST_SAVED = 0.1
"""A sample that saves a smaller share of what all open cells would take is not proposed."""
LIMITED = 1.1
"""Recall is the bottleneck where so many times as much would be saved without it."""
SIZES = 10
"""Sizes of the sample that are weighed for each of the nested sets."""


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


@dataclass(frozen=True)
class Option:
    """A sample of some size from some of the nested sets, and what it would bring: with the recalls, and without them."""

    levels: int
    candidates: int
    sample: int
    outcome: Outcome
    chance: float
    saved: float
    chance_without_recall: float
    saved_without_recall: float


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
    options = _options(possible, labelled_counts, remaining, target, level, cost)
    best = max((o for o in options if o.chance >= LEAST_CHANCE), key=lambda o: o.saved, default=None)
    free = max(
        (o for o in options if o.chance_without_recall >= LEAST_CHANCE),
        key=lambda o: o.saved_without_recall,
        default=None,
    )
    saved, saved_without_recall = (best.saved if best else 0), (free.saved_without_recall if free else 0)
    limiting = free.outcome.tightest if free and saved_without_recall > LIMITED * max(saved, 0) else None
    worthwhile = LEAST_SAVED * len(open_) * cost.usual
    if best and saved >= worthwhile:
        return _plan_of(best, ladder.truncated(best.levels), cost, limiting)
    chance = max((o.chance for o in options if o.saved >= worthwhile), default=None)
    if free and limiting is not None and saved_without_recall >= worthwhile and target.recall is not None:
        members = round(float(labelled_counts[limiting] + open_[:, limiting].sum(dtype=np.float64)))
        misses = remaining_misses(members, target.recall)
        needed = sample_for(free.candidates, misses, (1 - SHARE_FOR_MEMBERS) * level)
        return Shortfall("recall", limiting, needed, members, chance)
    return Shortfall("no_gain" if best else "error", chance=chance)


def _missing_ground(checked: Checked, open_: NDArray[np.floating[Any]], remaining: int) -> Shortfall | None:
    """Say what a plan lacks before any sample is weighed; None: nothing."""
    if not len(open_):
        return Shortfall("no_open_cells")
    if len(checked.labels) < FEWEST_CELLS or len(np.unique(checked.groups)) < FEWEST_GROUPS:
        return Shortfall("few_checked", needed=max(FEWEST_CELLS - len(checked.labels), 1))
    return Shortfall("people") if remaining < 0 else None


def _plan_of(option: Option, ladder: Ladder, cost: Seconds, limiting: int | None) -> Plan:
    filled = float(option.outcome.filled.mean())
    return Plan(
        ladder=ladder,
        sample=option.sample,
        candidates=option.candidates,
        filled=round(filled),
        filled_if_passed=round(filled / option.chance),
        chance=round(option.chance, 3),
        minutes=round(option.sample * cost.blind / 60, 1),
        minutes_saved=round(option.saved / 60, 1),
        tolerated=option.outcome.tolerated,
        bottleneck=limiting,
    )


def sample_for(population: int, remaining: int, level: float) -> int:
    """Return the smallest sample that, if it shows none, leaves at most `remaining` marked items unseen; see bounds.tolerated."""
    too_small, enough = 0, population
    while enough - too_small > 1:
        middle = (too_small + enough) // 2
        if tolerated(population, middle, remaining, level) >= 0:
            enough = middle
        else:
            too_small = middle
    return enough


def _options(
    possible: Worlds,
    labelled_counts: NDArray[np.integer[Any]],
    remaining: int,
    target: Target,
    level: float,
    cost: Seconds,
) -> list[Option]:
    """Weigh samples of many sizes from the cells of each of the nested sets."""
    options = []
    for levels in range(1, len(possible.cells) + 1):
        part = possible.truncated(levels)
        candidates = int(part.cells.sum())
        smallest = sample_for(candidates, remaining, level)
        sizes = np.geomspace(smallest, candidates, SIZES)[:-1].round().astype(int)
        for sample in np.unique(sizes):
            found = outcome(part, int(sample), labelled_counts, remaining, target, level)
            asked = int(sample) * (cost.blind - cost.usual)
            options.append(
                Option(
                    levels=levels,
                    candidates=candidates,
                    sample=int(sample),
                    outcome=found,
                    chance=float((found.filled > 0).mean()),
                    saved=float(found.filled.mean()) * cost.usual - asked,
                    chance_without_recall=float((found.filled_without_recall > 0).mean()),
                    saved_without_recall=float(found.filled_without_recall.mean()) * cost.usual - asked,
                )
            )
    return options
