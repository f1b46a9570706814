"""The plan by its definition: all samples of all sets are decided in all worlds, and the best one is taken."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotator.domain.certificates.bounds import ROUNDING, chance_of_at_most, sample_for
from annotator.domain.certificates.decision import SHARE_FOR_MEMBERS, remaining_errors, remaining_misses
from annotator.domain.certificates.forecast import DRAWS, SLACK, Worlds, _members, worlds
from annotator.domain.certificates.ladder import Checked, choose_ladder
from annotator.domain.certificates.plan import LEAST_SAVED, Plan, Shortfall
from annotator.domain.certificates.search import LEAST_CHANCE, LIMITED, SIZES, Seconds
from annotator.domain.certificates.target import Allowance, Target, level_of_attempt


@dataclass(frozen=True)
class Option:
    """A sample, and what it would bring: with the recalls, and without them."""

    levels: int
    candidates: int
    sample: int
    tolerated: int
    tightest: int | None
    filled: float
    chance: float
    saved: float
    chance_without_recall: float
    saved_without_recall: float


def slow_plan(
    checked: Checked,
    open_: NDArray[np.float64],
    counts: NDArray[np.int64],
    images: int,
    target: Target,
    attempt: int,
    cost: Seconds,
) -> Plan | Shortfall:
    """What `plan` must return, without its search."""
    level, remaining = (
        level_of_attempt(attempt, target.confidence),
        remaining_errors(images, target, Allowance()),
    )
    ladder = choose_ladder(checked, open_, counts, images, target)
    options = _options(worlds(checked, open_, ladder), counts, remaining, target, level, cost)
    best = max((o for o in options if o.chance >= LEAST_CHANCE), key=lambda o: o.saved, default=None)
    free = max(
        (o for o in options if o.chance_without_recall >= LEAST_CHANCE),
        key=lambda o: o.saved_without_recall,
        default=None,
    )
    saved, saved_free = (best.saved if best else 0), (free.saved_without_recall if free else 0)
    limiting = free.tightest if free and saved_free > LIMITED * max(saved, 0) else None
    worthwhile = LEAST_SAVED * len(open_) * cost.usual
    if best and saved >= worthwhile:
        return Plan(
            ladder.truncated(best.levels), best.sample, best.candidates, round(best.filled), round(best.filled / best.chance),
            round(best.chance, 3), round(best.sample * cost.blind / 60, 1), round(saved / 60, 1), best.tolerated, limiting,
        )  # fmt: skip
    chance = max((o.chance for o in options if o.saved >= worthwhile), default=None)
    if free and limiting is not None and saved_free >= worthwhile and target.recall is not None:
        members = round(float(counts[limiting] + open_[:, limiting].sum()))
        misses = remaining_misses(members, target.recall)
        needed = sample_for(free.candidates, misses, (1 - SHARE_FOR_MEMBERS) * level)
        return Shortfall("recall", limiting, needed, members, chance)
    return Shortfall("no_gain" if best else "error", chance=chance)


def _options(
    possible: Worlds, counts: NDArray[np.int64], remaining: int, target: Target, level: float, cost: Seconds
) -> list[Option]:
    options = []
    for levels in range(1, len(possible.cells) + 1):
        part = possible.truncated(levels)
        candidates = int(part.cells.sum())
        sizes = np.geomspace(sample_for(candidates, remaining, level), candidates, SIZES)[:-1]
        for sample in np.unique(sizes.round().astype(int)).tolist():
            most = slow_tolerated(candidates, sample, remaining, level)
            filled, free, tightest = _outcome(part, sample, counts, remaining, target, level, most)
            asked = sample * (cost.blind - cost.usual)
            options.append(
                Option(
                    levels, candidates, sample, most, tightest, float(filled.mean()), float((filled > 0).mean()),
                    float(filled.mean()) * cost.usual - asked, float((free > 0).mean()), float(free.mean()) * cost.usual - asked,
                )
            )  # fmt: skip
    return options


def _outcome(
    possible: Worlds,
    sample: int,
    counts: NDArray[np.int64],
    remaining: int,
    target: Target,
    level: float,
    most: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], int | None]:
    """Cells that are filled in each world, with and without the recalls, and the tightest value."""
    random = np.random.default_rng(1)
    in_steps = possible.cells.sum(axis=1)
    population = int(in_steps.sum())
    drawn = random.multinomial(sample, np.broadcast_to(in_steps / population, (DRAWS, len(in_steps))))
    seen = np.cumsum(random.multinomial(drawn, possible.rates), axis=1)
    passed = right_enough = seen[:, :, :-1].sum(axis=2) <= most
    tightest, least = None, float(SLACK * remaining)
    if target.recall is not None:
        members = _members(possible, sample, counts, level, random)
        misses = np.floor(members * (1 - target.recall) / target.recall + 1e-9).astype(np.int64)
        for value in np.flatnonzero(counts > 0):
            usual = float(np.median(misses[:, value]))
            if usual < SLACK * remaining:
                share = (1 - SHARE_FOR_MEMBERS) * level
                by_misses = {
                    m: slow_tolerated(population, sample, m, share) for m in set(misses[:, value].tolist())
                }
                will_do = np.array([by_misses[m] for m in misses[:, value].tolist()])
                passed = passed & (seen[:, :, value] <= will_do[:, None])
            if usual < least:
                tightest, least = int(value), usual
    not_drawn = np.concatenate([[0], np.cumsum(in_steps)]) * (1 - sample / population)
    return not_drawn[passed.sum(axis=1)], not_drawn[right_enough.sum(axis=1)], tightest


def slow_tolerated(population: int, sample: int, remaining: int, level: float) -> int:
    """What `bounds.tolerated` must return: one after the other is tried."""
    if remaining < 0:
        return -1
    if population - sample <= remaining:
        return sample
    seen = 0
    while (
        seen < sample
        and chance_of_at_most(seen, population, remaining + 1 + seen, sample) * ROUNDING <= level
    ):
        seen += 1
    return seen - 1
