"""The area under the ROC curve, with a 95 % interval for images that come in groups."""

import numpy as np
from numpy.typing import NDArray

from trainer.stats.grouped_interval import FEWEST_GROUPS, student
from trainer.stats.proportion import Z, wilson

Floats = NDArray[np.float64]


def auroc(scores: Floats, positive: NDArray[np.bool_]) -> float | None:
    """Return the area under the ROC curve: the probability that a positive scores above a negative; ties count half.

    Args:
        scores: (n,).
        positive: (n,).

    Returns:
        None if there are no positives or no negatives.
    """
    if not positive.any() or positive.all():
        return None
    return round(float(_pairs_won(scores, positive)[0].mean()), 6)


def auroc_interval(
    scores: Floats, positive: NDArray[np.bool_], groups: NDArray[np.str_]
) -> tuple[float, float] | None:
    """Return the 95 % interval of `auroc` for images that come in groups.

    The variance is that of Obuchowski, "Nonparametric analysis of clustered ROC curve data" (Biometrics 53:567-578,
    1997), but at least the variance of unrelated images (Hanley and McNeil, Radiology 143:29-36, 1982). The interval
    is Wilson's for the number of trials that has this variance. If no pair is ranked wrongly, the number of trials is
    that of the groups of the rarer kind.

    Args:
        scores: (n,).
        positive: (n,).
        groups: (n,) names.

    Returns:
        None if the positives or the negatives come from fewer than `FEWEST_GROUPS` groups.
    """
    names, group = np.unique(groups, return_inverse=True)
    with_positives, with_negatives = (len(np.unique(group[rows])) for rows in (positive, ~positive))
    fewest = min(with_positives, with_negatives)
    if fewest < FEWEST_GROUPS:
        return None
    won, kept = _pairs_won(scores, positive)
    area, m, n = float(won.mean()), len(won), len(kept)
    above = np.bincount(group[positive], weights=won - area, minlength=len(names))
    below = np.bincount(group[~positive], weights=kept - area, minlength=len(names))
    variance = (
        with_positives / (with_positives - 1) * (above @ above) / m**2
        + with_negatives / (with_negatives - 1) * (below @ below) / n**2
        + 2 * len(names) / (len(names) - 1) * (above @ below) / (m * n)
    )
    spread = area * (1 - area)
    trials = float(fewest)
    if spread > 0:
        widened = (
            max(float(variance), _unrelated_variance(area, m, n))
            * float(student(np.array(fewest - 1.0)) / Z) ** 2
        )
        trials = max(trials, spread / widened)
    low, high = wilson(np.array(area), np.array(trials))
    return float(low), float(high)


def _pairs_won(scores: Floats, positive: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return for every positive the proportion of negatives below it, and for every negative that of positives above it."""
    ranks, m, n = _ranks(scores), int(positive.sum()), int((~positive).sum())
    won = (ranks[positive] - _ranks(scores[positive])) / n
    kept = 1 - (ranks[~positive] - _ranks(scores[~positive])) / m
    return won, kept


def _ranks(scores: Floats) -> Floats:
    """Return ranks from 1; ties share their mean rank."""
    _, members, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[members]
    return ranks


def _unrelated_variance(area: float, positives: int, negatives: int) -> float:
    """Return Hanley and McNeil's variance of the area."""
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    return (area * (1 - area) + (positives - 1) * (q1 - area**2) + (negatives - 1) * (q2 - area**2)) / (
        positives * negatives
    )
