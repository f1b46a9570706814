"""One answer from several: majority vote, and what it shares with Dawid-Skene (dawid_skene.py)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotator.domain.agreement.ratings import Code, Floats, Item, Positions, Ratings


@dataclass(frozen=True)
class Decision:
    """The answer of every item that has answers; an item is in exactly one of the two.

    A tie is reported, not broken: somebody has to look at it.
    """

    labels: dict[Item, Code]
    """None is "can't tell", where that was read as a category."""
    undecided: dict[Item, tuple[Code, ...]]
    """The codes that are level."""


@dataclass(frozen=True, eq=False)
class Majority:
    """The votes on every item, in the order of `ratings.items`.

    Args:
        ratings: what was counted.
        category: position of the leading category; of level ones the first.
        share: the leading category's share of the answers.
        leaders: (item, category) pairs of positions, sorted; several of an item where categories are level.
    """

    ratings: Ratings
    category: Positions
    share: Floats
    leaders: tuple[Positions, Positions]

    @property
    def decision(self) -> Decision:
        """The answers by name."""
        return _decide(self.ratings, *self.leaders)


def majority_vote(ratings: Ratings) -> Majority:
    """The most frequent answer of every item; every answer counts the same."""
    width = max(len(ratings.categories), 1)
    cells, votes = np.unique(ratings.item * width + ratings.category, return_counts=True)
    item, category = np.divmod(cells, width)
    most = np.zeros(len(ratings.items), dtype=np.intp)
    np.maximum.at(most, item, votes)
    leading = votes == most[item]
    item, category = item[leading], category[leading]
    first = np.unique(item, return_index=True)[1]
    share = most / np.bincount(ratings.item, minlength=len(ratings.items))
    return Majority(ratings, category[first], share, (item, category))


def most_probable(ratings: Ratings, posteriors: Floats) -> Decision:
    """The most probable category of every item; probabilities within 1e-6 of it are level with it.

    Args:
        ratings: gives the names of items and categories.
        posteriors: items × categories.
    """
    item, category = np.nonzero(posteriors >= posteriors.max(axis=1, keepdims=True, initial=0) - 1e-6)
    return _decide(ratings, item, category)


def _decide(ratings: Ratings, item: Positions, category: Positions) -> Decision:
    """From the leading categories, given as pairs sorted by item."""
    leaders: dict[Item, tuple[Code, ...]] = {}
    for i, k in zip(item.tolist(), category.tolist(), strict=True):
        name = ratings.items[i]
        leaders[name] = (*leaders.get(name, ()), ratings.categories[k])
    return Decision(
        labels={name: codes[0] for name, codes in leaders.items() if len(codes) == 1},
        undecided={name: codes for name, codes in leaders.items() if len(codes) > 1},
    )
