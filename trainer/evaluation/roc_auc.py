"""The area under the ROC curve, and its 95 % interval when images come in groups."""

import numpy as np
from numpy.typing import NDArray

from trainer.stats.grouped_interval import FEWEST_GROUPS, Z, student, wilson

Floats = NDArray[np.float64]


def auroc(scores: Floats, positive: NDArray[np.bool_]) -> float | None:
    """Return the area under the ROC curve: how often a positive scores above a negative, ties counted half.

    Args:
        scores: (n,).
        positive: (n,).

    Returns:
        None if there are no positives or no negatives.
    """
    if not positive.any() or positive.all():
        return None
    return round(float(_shares_won(scores, positive)[0].mean()), 6)


def auroc_interval(
    scores: Floats, positive: NDArray[np.bool_], groups: NDArray[np.str_]
) -> tuple[float, float] | None:
    """Return the 95 % interval of `auroc`, of whole groups.

    The variance is that of Obuchowski, "Nonparametric analysis of clustered ROC curve data" (Biometrics 53:567-578, 1997),
    but not less than unrelated images would have (Hanley and McNeil, Radiology 143:29-36, 1982). The interval is Wilson's for as many
    trials as have that variance; if no pair is ranked wrongly, for one of each group of the rarer kind.

    Args:
        scores: (n,).
        positive: (n,).
        groups: (n,) names.

    Returns:
        None if the positives or the negatives are of fewer than `FEWEST_GROUPS` groups.
    """
    names, group = np.unique(groups, return_inverse=True)
    with_positives, with_negatives = (len(np.unique(group[known])) for known in (positive, ~positive))
    fewest = min(with_positives, with_negatives)
    if fewest < FEWEST_GROUPS:
        return None
    won, kept = _shares_won(scores, positive)
    area, m, n = float(won.mean()), len(won), len(kept)
    above = np.bincount(group[positive], weights=won - area, minlength=len(names))
    below = np.bincount(group[~positive], weights=kept - area, minlength=len(names))
    variance = (
        with_positives / (with_positives - 1) * (above @ above) / m**2
        + with_negatives / (with_negatives - 1) * (below @ below) / n**2
        + 2 * len(names) / (len(names) - 1) * (above @ below) / (m * n)
    )
    spread = area * (1 - area)
    images = float(fewest)
    if spread > 0:
        reach = (
            max(float(variance), _of_unrelated(area, m, n)) * float(student(np.array(fewest - 1.0)) / Z) ** 2
        )
        images = max(images, spread / reach)
    low, high = wilson(np.array(area), np.array(images))
    return float(low), float(high)


def _shares_won(scores: Floats, positive: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Of every positive the share of negatives below it, and of every negative the share of positives above it."""
    ranks, m, n = _ranks(scores), int(positive.sum()), int((~positive).sum())
    won = (ranks[positive] - _ranks(scores[positive])) / n
    kept = 1 - (ranks[~positive] - _ranks(scores[~positive])) / m
    return won, kept


def _ranks(scores: Floats) -> Floats:
    """Ranks from 1; ties share the mean of theirs."""
    _, members, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[members]
    return ranks


def _of_unrelated(area: float, positives: int, negatives: int) -> float:
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    return (area * (1 - area) + (positives - 1) * (q1 - area**2) + (negatives - 1) * (q2 - area**2)) / (
        positives * negatives
    )
