"""How good a model's answers are on the audit set, with intervals that can be compared between models.

The class-balanced answer is the class with the largest probability divided by its prior; balanced accuracy is the mean of
the classes' recalls, over the classes that the audit images show. Its interval is that of domain/grouped_interval. Beside it whole groups
are drawn with replacement, the same draws for every model, so that the difference of two models is measured far better than
either of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotator.domain.grouped_interval import mean_share_interval

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

DRAWS = 500
MOST_BLOCKS = 2000
"""Groups beyond these are drawn together with others, which changes no interval by much and bounds the work."""

FEWEST_DRAWN = 8
"""With fewer groups the percentiles of draws say less than they seem to."""

_SEED = 0


@dataclass(frozen=True)
class Measured:
    """Balanced accuracy of one attribute on some audit images; what is None cannot be said, and `reason` tells why."""

    images: int
    groups: int
    value: float | None
    low: float | None
    high: float | None
    reason: str | None
    draws: Floats
    """The value in every resample, nan where it is undefined; empty with fewer than FEWEST_DRAWN groups."""

    @property
    def half_width(self) -> float | None:
        """Half of the interval."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def draw_groups(groups: int) -> tuple[Numbers, Floats]:
    """Resample groups.

    Returns:
        The block that each group is drawn with, and (DRAWS, blocks) how often each block was drawn.
    """
    random = np.random.default_rng(_SEED)
    blocks = min(groups, MOST_BLOCKS)
    block = np.arange(groups) % blocks if groups <= blocks else random.permutation(groups) % blocks
    times = random.multinomial(blocks, np.full(blocks, 1 / blocks), DRAWS) if blocks else np.zeros((DRAWS, 0))
    return block.astype(np.int64), times.astype(np.float64)


def balanced_answers(p: Floats, prior: Floats) -> Numbers:
    """The (n,) classes that would be most probable if all were equally common (Menon et al. 2021, ICLR)."""
    answers: Numbers = np.argmax(p / np.maximum(prior, 1e-9), axis=1)
    return answers


def measure(answers: Numbers, labels: Numbers, classes: int, block: Numbers, times: Floats) -> Measured:
    """Measure answers to some images.

    Args:
        answers: (n,) classes.
        labels: (n,) classes that are right.
        classes: how many there are.
        block: (n,) of the image's group, of `draw_groups`.
        times: (draws, blocks), of `draw_groups`.
    """
    blocks = np.unique(block)
    nothing = np.empty(0)
    occur = np.unique(labels)
    if len(occur) < 2:
        reason = (
            "no audit image has this label yet"
            if len(occur) == 0
            else "the audit images labelled so far are all of one value"
        )
        return Measured(len(labels), len(blocks), None, None, None, reason, nothing)
    there = np.zeros((times.shape[1], classes))
    np.add.at(there, (block, labels), 1)
    right = np.zeros_like(there)
    np.add.at(right, (block[answers == labels], labels[answers == labels]), 1)
    value = float(np.mean(right.sum(axis=0)[occur] / there.sum(axis=0)[occur]))
    interval = mean_share_interval(right[np.ix_(blocks, occur)], there[np.ix_(blocks, occur)])
    if interval is None:
        reason = f"the audit images are of {len(blocks)} groups only, too few for an interval"
        return Measured(len(labels), len(blocks), value, None, None, reason, nothing)
    draws = _drawn(right[:, occur], there[:, occur], times) if len(blocks) >= FEWEST_DRAWN else nothing
    return Measured(len(labels), len(blocks), value, *interval, None, draws)


def _drawn(right: Floats, there: Floats, times: Floats) -> Floats:
    """The mean of the recalls in every draw of groups."""
    with np.errstate(invalid="ignore", divide="ignore"):
        recalls = (times @ right) / (times @ there)
    known = np.isfinite(recalls).sum(axis=1)
    return np.where(known > 1, np.nansum(recalls, axis=1) / np.maximum(known, 1), np.nan)


def difference(new: Measured, old: Measured) -> tuple[float, float | None, float | None] | None:
    """By how much a model is better than another on the same draws, with the interval of the difference."""
    if new.value is None or old.value is None:
        return None
    if not len(new.draws) or not len(old.draws):
        return new.value - old.value, None, None
    low, high = np.nanpercentile(new.draws - old.draws, [2.5, 97.5])
    return new.value - old.value, float(low), float(high)


def confusion(answers: Numbers, labels: Numbers, classes: int) -> list[list[int]]:
    """Images by right class (row) and answer (column)."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, answers), 1)
    return [[int(number) for number in row] for row in counts]
