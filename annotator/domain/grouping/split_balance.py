"""Find the seed that spreads the values of the attributes best over the splits.

A rare value can miss the test split by chance. The remedy is rerandomisation: whole groups are assigned at random many times,
and the assignment that spreads the values best is used (Morgan and Rubin, "Rerandomization to
improve covariate balance in experiments", Annals of Statistics 40, 2012). Every assignment here is that of a seed, so
the split remains a function of group and seed, and later images change no split.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from annotator.domain.grouping.splits import AUDIT_IMAGES, SplitRule, positions

SEEDS = 1000
"""Number of seeds that are tried: the current one and those from 0 on."""

_FEWEST_SEEDS = 10
_MOST_POSITIONS = 2_000_000
"""Maximum number of positions to compute, one or two microseconds each. Many groups need fewer seeds, because chance spreads them well."""

_AT_ONCE = 2_000_000

Floats = NDArray[np.float64]
Numbers = NDArray[np.integer]


def best_seed(rule: SplitRule, groups: Sequence[str], counts: Numbers) -> int:
    """Find the seed with the smallest distance; the current one if no other is better.

    The test split keeps `AUDIT_IMAGES` images, or its current number if that is smaller.

    Args:
        rule: the current seed, and the shares.
        groups: the names of all groups.
        counts: (groups, columns) images of each group: first all, then those with each value that occurs.
    """
    tried = min(SEEDS, max(_FEWEST_SEEDS, _MOST_POSITIONS // max(len(groups), 1)))
    seeds = [rule.seed, *(seed for seed in range(tried) if seed != rule.seed)]
    distance, test_images = rate_seeds(rule, seeds, groups, counts)
    distance[test_images < np.minimum(AUDIT_IMAGES, test_images[0])] = np.inf
    return seeds[int(distance.argmin())]


def rate_seeds(
    rule: SplitRule, seeds: Sequence[int], groups: Sequence[str], counts: Numbers
) -> tuple[Floats, Floats]:
    """Compute the distance of each seed from the wanted shares, and the images that it puts into the test split.

    The distance is the mean of squared differences between the actual and the wanted share of a split, each divided by its
    variance under a random seed. The mean is over test and val, over the columns, and over images and groups. So a rare value
    counts as much as a common one, a value of too few groups does not penalise a seed, and a random seed has a distance of 1 on
    average.

    Args:
        rule: the shares; its seed does not matter.
        seeds: the seeds to rate.
        groups: the names of all groups.
        counts: as for `best_seed`.
    """
    units = np.empty(
        (len(groups), 2 * counts.shape[1]), dtype=np.float32
    )  # whole numbers below 2^24 stay exact
    units[:, : counts.shape[1]], units[:, counts.shape[1] :] = counts, counts > 0
    total = units.sum(axis=0, dtype=np.float64)
    spread = np.einsum("gc,gc->c", units, units, dtype=np.float64) / np.square(total)
    named = [group.encode() for group in groups]
    distance, test_images = np.zeros(len(seeds)), np.zeros(len(seeds))
    step = max(1, _AT_ONCE // max(len(groups), 1))
    for start in range(0, len(seeds), step):
        some = slice(start, start + step)
        places = np.stack([positions(seed, named) for seed in seeds[some]])
        in_test = places < rule.share_test
        in_val = (places < rule.share_test + rule.share_val) & ~in_test
        held = {True: in_test.astype(np.float32) @ units, False: in_val.astype(np.float32) @ units}
        test_images[some] = held[True][:, 0]
        wanted = [(held[True], rule.share_test), (held[False], rule.share_val)]
        rated = [
            np.square(actual / total - share) / (share * (1 - share) * spread)
            for actual, share in wanted
            if 0 < share < 1
        ]
        distance[some] = np.mean(rated, axis=(0, 2)) if rated else 0
    return distance, test_images
