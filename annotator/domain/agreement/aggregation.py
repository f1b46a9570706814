"""One answer from several: the majority vote. Dawid-Skene (dawid_skene.py) is the other method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotator.domain.agreement.ratings import Floats, Positions, Ratings


@dataclass(frozen=True, eq=False)
class Majority:
    """The leading category of every item, in the order of `ratings.items`.

    Args:
        ratings: the answers that were counted.
        category: position of the leading category; if several lead, the first of them.
        share: the leading category's share of the answers.
    """

    ratings: Ratings
    category: Positions
    share: Floats


def majority_vote(ratings: Ratings) -> Majority:
    """Count every answer once and find the most frequent one of every item."""
    width = max(len(ratings.categories), 1)
    cells, votes = np.unique(ratings.item * width + ratings.category, return_counts=True)
    item, category = np.divmod(cells, width)
    most = np.zeros(len(ratings.items), dtype=np.intp)
    np.maximum.at(most, item, votes)
    leading = votes == most[item]
    item, category = item[leading], category[leading]
    first = np.unique(item, return_index=True)[1]
    share = most / np.bincount(ratings.item, minlength=len(ratings.items))
    return Majority(ratings, category[first], share)
