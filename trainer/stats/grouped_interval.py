"""The 95 % interval of a mean of proportions whose images come in groups.

Accuracy is one proportion; balanced accuracy is the mean of the recalls of the classes.

Images of one person tend to be right or wrong together, so they carry less information than the same number of
unrelated images. The variance between groups gives the effective number of images. Each proportion gets Wilson's
interval for that number (as survey statistics do: Korn & Graubard 1998, Survey Methodology 24:193-201; Dean & Pagano
2015, J. Surv. Stat. Methodol. 3:484-503). The intervals are combined by recovery of variances (Zou & Donner 2008, Stat.
Med. 27:1693-1702). The variance is poorly known if few groups show a class, or if few groups make most of the errors:
its degrees of freedom are then few (Satterthwaite 1946, Biometrics Bulletin 2:110-114), which lowers the effective
number of images.

Bootstrap percentiles of resampled groups are far too narrow for rare classes: if one person shows a class, every
resample of that class is the same. docs/lab/measurements.md and docs/lab/experiments.md report the measured coverage of both
on real faces.
"""

import numpy as np
from numpy.typing import NDArray

from trainer.stats.proportion import Z, wilson

Floats = NDArray[np.float64]

FEWEST_GROUPS = 3
"""With fewer groups there is no interval, because one or two groups do not show how groups differ."""

_FREEDOM = np.array([np.inf, 30, 10, 5, 3, 2, 1.5, 1.25, 1.1, 1])
_QUANTILE = np.array([Z, 2.0423, 2.2281, 2.5706, 3.1824, 4.3027, 6.017, 8.028, 10.277, 12.7062])
"""The 97.5th percentile of Student's t by degrees of freedom; interpolation is within half a percent."""


def mean_proportion_interval(successes: Floats, trials: Floats) -> tuple[float, float] | None:
    """Return the interval of the mean over the columns of `successes.sum(axis=0) / trials.sum(axis=0)`.

    Args:
        successes: (groups, proportions) images that count, such as the correctly answered images of a class.
        trials: (groups, proportions) images in all; no column is empty.

    Returns:
        Lower and upper end; None with fewer than `FEWEST_GROUPS` groups.
    """
    if len(trials) < FEWEST_GROUPS:
        return None
    total = trials.sum(axis=0)
    proportion = successes.sum(axis=0) / total
    error = influence(successes, trials)
    covariance = error.T @ error
    images = _effective_images(proportion, error, trials / total, total)
    low, high = wilson(proportion, images)
    deviation = np.sqrt(np.maximum(covariance.diagonal(), 1e-30))
    correlation = covariance / np.outer(deviation, deviation)
    np.fill_diagonal(correlation, 1)
    mean, below, above = float(proportion.mean()), proportion - low, high - proportion
    down, up = (np.sqrt(max(0.0, side @ correlation @ side)) / len(proportion) for side in (below, above))
    return max(0.0, mean - float(down)), min(1.0, mean + float(up))


def influence(successes: Floats, trials: Floats) -> Floats:
    """Return the (groups, proportions) contributions of the groups to the error of each proportion.

    The sum of their squares is the variance of the proportion. The correction for the pull of a group on the
    proportion itself is that of Bell & McCaffrey (2002, Survey Methodology 28:169-181).

    Args:
        successes: (groups, proportions), as in `mean_proportion_interval`.
        trials: (groups, proportions).
    """
    total = trials.sum(axis=0)
    proportion = successes.sum(axis=0) / total
    error: Floats = (successes - proportion * trials) / total / np.sqrt(np.maximum(1 - trials / total, 1e-9))
    return error


def half_width(error: Floats, least: float) -> float:
    """Return half of the 95 % interval of a difference.

    Args:
        error: (groups,) contributions of the groups to the error of the difference.
        least: Variance that is added, for differences that these groups happen not to show.
    """
    variance = float(np.square(error).sum()) + least
    if variance <= 0:
        return 0.0
    concentration = float((error**4).sum()) / variance**2 - 1 / len(error)
    freedom = np.array([max(1.0, min(len(error) - 1, 2 / max(concentration, 1e-9)))])
    return float(student(freedom)[0] * np.sqrt(variance))


def student(freedom: Floats) -> Floats:
    """Return the 97.5th percentile of Student's t for degrees of freedom, within half a percent."""
    quantile: Floats = np.exp(np.interp(1 / freedom, 1 / _FREEDOM, np.log(_QUANTILE)))
    return quantile


def _effective_images(proportion: Floats, error: Floats, part: Floats, total: Floats) -> Floats:
    """Return the number of unrelated images that would measure each proportion as precisely.

    The number is at least the effective number of groups (Kish 1965, Survey Sampling), which applies if all images of
    a group are alike. It also applies to a proportion of 0 or 1, whose groups show no variance.
    """
    groups = 1 / np.square(part).sum(axis=0)
    variance = np.square(error).sum(axis=0)
    varies = variance > 1e-15
    divisor = np.where(varies, variance, 1)
    # A sum of squared normal numbers has as many degrees of freedom as terms, and fewer if few terms dominate it.
    concentration = np.where(varies, (error**4).sum(axis=0) / divisor**2, 1) - 1 / (part > 0).sum(axis=0)
    freedom = np.maximum(1, np.minimum(groups - 1, 2 / np.maximum(concentration, 1e-9)))
    images = np.where(varies, proportion * (1 - proportion) / divisor, 0) * (Z / student(freedom)) ** 2
    return np.clip(images, np.minimum(groups, total), total)
