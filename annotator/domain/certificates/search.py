"""The search for the sample that pays most: which nested sets it is drawn from, and how large it is.

Some hundred samples are compared. Most of them cannot be the best one by what their sets could fill at most, or by what the first
possible worlds show; these are not decided any further. The sample that is found is the one that all of them decided would give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.certificates.bounds import sample_for
from annotator.domain.certificates.forecast import Trial, Worlds
from annotator.domain.certificates.target import Target

LEAST_CHANCE = 0.7
"""A sample that will less probably allow anything is not proposed."""
LIMITED = 1.1
"""Recall is the bottleneck where so many times as much would be saved without it."""
SIZES = 10
"""Sizes of the sample that are weighed for each of the nested sets."""
_ROUNDING = 1e-6  # seconds; sums in another order differ by less


@dataclass(frozen=True)
class Seconds:
    """What a cell costs a person: answered blind, and answered or confirmed as usual."""

    blind: float = 2.0
    usual: float = 2.0


@dataclass(frozen=True)
class Option:
    """A sample of some size from some of the nested sets.

    Attributes:
        place: Its place in the order of sets and sizes: of equally good ones the first is taken.
        levels: The number of nested sets that it is drawn from.
        trial: What it would bring.
        cost: What an answer costs.
    """

    place: int
    levels: int
    trial: Trial
    cost: Seconds

    def saved(self, filled: float) -> float:
        """Return the seconds that are saved if so many cells are filled."""
        return filled * self.cost.usual - self.trial.sample * (self.cost.blind - self.cost.usual)

    def decide_without_recall(self, least: float) -> bool:
        """Decide it as if the target had no recall, unless it surely saves less than `least`; return whether it was decided."""
        filled = self.trial.filled_without_recall(lambda most: self.saved(most) < least - _ROUNDING)
        return self.saved(float(filled.mean())) >= least - _ROUNDING


@dataclass(frozen=True)
class Weighed:
    """An option that was decided: the seconds it saves, its chance to fill anything, and the cells it fills, as expected."""

    option: Option
    saved: float
    chance: float
    filled: float

    @classmethod
    def of(cls, option: Option, filled: NDArray[np.float64]) -> Weighed:
        """Weigh an option by the cells that it fills in each world."""
        mean = float(filled.mean())
        return cls(option, option.saved(mean), float((filled > 0).mean()), mean)

    def is_better_than(self, other: Weighed | None) -> bool:
        """Return whether it is proposed in place of another one."""
        if self.chance < LEAST_CHANCE:
            return False
        return other is None or (self.saved, -self.option.place) > (other.saved, -other.option.place)


@dataclass(frozen=True)
class Found:
    """What the search found.

    Attributes:
        best: The sample that saves most; None: none that saves enough to matter will probably allow anything.
        free: The same if the target had no recall.
        chance: The highest chance of a sample that would be worthwhile; None: there is none. Only where `best` is not worthwhile.
    """

    best: Weighed | None
    free: Weighed | None
    chance: float | None


def find_options(
    possible: Worlds,
    labelled_counts: NDArray[np.integer[Any]],
    remaining: int,
    target: Target,
    level: float,
    cost: Seconds,
) -> list[Option]:
    """List samples of many sizes from the cells of each of the nested sets."""
    options: list[Option] = []
    for levels in range(1, len(possible.cells) + 1):
        part = possible.truncated(levels)
        candidates = int(part.cells.sum())
        if not candidates:
            continue
        smallest = sample_for(candidates, remaining, level)
        sizes = np.geomspace(smallest, candidates, SIZES)[:-1].round().astype(int)
        for sample in np.unique(sizes).tolist():
            trial = Trial(part, sample, labelled_counts, remaining, target, level)
            options.append(Option(len(options), levels, trial, cost))
    return options


def search(options: Sequence[Option], target: Target, worthwhile: float) -> Found:
    """Find the best sample.

    Args:
        options: The samples.
        target: What must hold.
        worthwhile: Seconds that a sample must save to be proposed.
    """
    free = _best_without_recall(options)
    if target.recall is None and free and free.saved >= worthwhile:
        return Found(free, free, None)
    least = worthwhile
    if (
        free and free.saved >= worthwhile
    ):  # what saves less can neither be proposed nor change what the bottleneck is
        least = min(worthwhile, free.saved / LIMITED)
    best: Weighed | None = None
    chance: float | None = None
    for option in _promising_first(options):
        enough = best.saved if best and best.saved >= worthwhile else least
        if (found := _weigh(option, enough)) is None:
            continue
        if found.is_better_than(best):
            best = found
        if found.saved >= worthwhile:
            chance = found.chance if chance is None else max(chance, found.chance)
    return Found(best, free, chance)


def may_fill(options: Sequence[Option]) -> bool:
    """Return whether some sample will probably allow anything, whether it pays or not."""

    def chance(filled: NDArray[np.float64]) -> float:
        return float((filled > 0).mean())

    for option in sorted(options, key=lambda o: (-o.trial.sample / o.trial.candidates, o.place)):
        trial = option.trial
        if (
            not trial.is_hopeless
            and chance(trial.filled(lambda filled: chance(filled) < LEAST_CHANCE)) >= LEAST_CHANCE
        ):
            return True
    return False


def _best_without_recall(options: Sequence[Option]) -> Weighed | None:
    best: Weighed | None = None
    for option in _promising_first(options):
        if option.decide_without_recall(best.saved if best else -np.inf):
            found = Weighed.of(option, option.trial.filled_without_recall())
            if found.is_better_than(best):
                best = found
    return best


def _weigh(option: Option, least: float) -> Weighed | None:
    """Decide an option; None if it surely saves less than `least`."""

    def is_too_little(filled: NDArray[np.float64]) -> bool:
        return option.saved(float(filled.mean())) < least - _ROUNDING

    if option.saved(option.trial.most) < least - _ROUNDING:
        return None
    if option.trial.is_hopeless:
        found = Weighed(option, option.saved(0), 0.0, 0.0)
    elif option.decide_without_recall(least):
        found = Weighed.of(option, option.trial.filled(is_too_little))
    else:
        return None
    return found if found.saved >= least - _ROUNDING else None


def _promising_first(options: Sequence[Option]) -> Iterator[Option]:
    yield from sorted(options, key=lambda o: (-o.saved(o.trial.most), o.place))
