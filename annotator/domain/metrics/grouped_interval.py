"""The 95 % interval of a mean of shares whose images come in groups.

Accuracy is one share, balanced accuracy the mean of every value's own. The trainer has the same (trainer/stats/grouped_interval.py).

The images of a person are right or wrong together, so they tell no more than fewer unrelated images would: the variance
between groups says how many. Each share has Wilson's interval for that number of images (as samples of surveys have it:
Korn & Graubard 1998, Survey Methodology 24:193-201; Dean & Pagano 2015, J. Surv. Stat. Methodol. 3:484-503), and the
intervals are put together by the recovery of variances (Zou & Donner 2008, Stat. Med. 27:1693-1702). The variance is
known badly if few groups have a value, or if few of them make most of the errors; then its degrees of freedom are few
(Satterthwaite 1946, Biometrics Bulletin 2:110-114) and the number of images is the smaller for it.

Percentiles of resampled groups are far too narrow with rare values: all resamples of a value that one person shows are
alike. How often each covers the truth on real faces: docs/lab/measurements.md and docs/lab/experiments.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotator.domain.metrics.proportion import Z, wilson

Floats = NDArray[np.float64]

FEWEST_GROUPS = 3
"""With fewer groups there is no interval: what differs between groups cannot be told from one or two."""

_FREEDOM = np.array([np.inf, 30, 10, 5, 3, 2, 1.5, 1.25, 1.1, 1])
_QUANTILE = np.array([Z, 2.0423, 2.2281, 2.5706, 3.1824, 4.3027, 6.017, 8.028, 10.277, 12.7062])
"""Student's 97.5 percentile by degrees of freedom; in between it is read off to half a percent."""


def mean_share_interval(right: Floats, there: Floats) -> tuple[float, float] | None:
    """The interval of the mean over the columns of `right.sum(axis=0) / there.sum(axis=0)`.

    Args:
        right: (groups, shares) images that count, for instance those of a value that were answered right.
        there: (groups, shares) images they are a share of; every column has some.

    Returns:
        Low and high end, or None with fewer than FEWEST_GROUPS groups.
    """
    if len(there) < FEWEST_GROUPS:
        return None
    total = there.sum(axis=0)
    share = right.sum(axis=0) / total
    error = influence(right, there)
    covariance = error.T @ error
    images = _independent_images(share, error, there / total, total)
    low, high = wilson(share, images)
    spread = np.sqrt(np.maximum(covariance.diagonal(), 1e-30))
    together = covariance / np.outer(spread, spread)
    np.fill_diagonal(together, 1)
    mean, below, above = float(share.mean()), share - low, high - share
    down, up = (np.sqrt(max(0.0, side @ together @ side)) / len(share) for side in (below, above))
    return max(0.0, mean - float(down)), min(1.0, mean + float(up))


def influence(right: Floats, there: Floats) -> Floats:
    """(groups, shares) what each group adds to the error of each share; the sum of their squares is its variance.

    A group that has pulled a share towards itself adds more than it seems to (Bell & McCaffrey 2002, Survey Methodology
    28:169-181).
    """
    total = there.sum(axis=0)
    share = right.sum(axis=0) / total
    error: Floats = (right - share * there) / total / np.sqrt(np.maximum(1 - there / total, 1e-9))
    return error


def half_width(error: Floats, least: float) -> float:
    """Half of the 95 % interval of a difference.

    Args:
        error: (groups,) what each adds to the error of the difference.
        least: variance added to it, for what may differ where these groups show no difference.
    """
    variance = float(np.square(error).sum()) + least
    if variance <= 0:
        return 0.0
    few = float((error**4).sum()) / variance**2 - 1 / len(error)
    freedom = np.array([max(1.0, min(len(error) - 1, 2 / max(few, 1e-9)))])
    return float(_student(freedom)[0] * np.sqrt(variance))


def _independent_images(share: Floats, error: Floats, part: Floats, total: Floats) -> Floats:
    """How many unrelated images would tell each share as well.

    Never fewer than the effective number of groups (Kish 1965, Survey Sampling), which is what is left if all images of a
    group are alike: also the number for a share of 0 or 1, whose groups show no variance.
    """
    groups = 1 / np.square(part).sum(axis=0)
    variance = np.square(error).sum(axis=0)
    seen = variance > 1e-15
    kept = np.where(seen, variance, 1)
    # A sum of squares of normal numbers has as many degrees of freedom as numbers; the more of it comes from few, the fewer.
    few = np.where(seen, (error**4).sum(axis=0) / kept**2, 1) - 1 / (part > 0).sum(axis=0)
    freedom = np.maximum(1, np.minimum(groups - 1, 2 / np.maximum(few, 1e-9)))
    images = np.where(seen, share * (1 - share) / kept, 0) * (Z / _student(freedom)) ** 2
    return np.clip(images, np.minimum(groups, total), total)


def _student(freedom: Floats) -> Floats:
    quantile: Floats = np.exp(np.interp(1 / freedom, 1 / _FREEDOM, np.log(_QUANTILE)))
    return quantile
