"""The answers that an aggregation gives, by the names of items and codes."""

from collections import Counter
from dataclasses import dataclass

from annotator.domain.agreement.aggregation import Majority
from annotator.domain.agreement.dawid_skene import DawidSkene
from annotator.domain.agreement.ratings import Code, Item


@dataclass(frozen=True)
class Decision:
    """Items with one leading code, and items on which several codes are level."""

    labels: dict[Item, Code]
    undecided: dict[Item, tuple[Code, ...]]


def decision_of(result: Majority | DawidSkene) -> Decision:
    """Decide every item by the most votes or the highest probability; probabilities within 1e-6 are level."""
    leaders = _most_voted(result) if isinstance(result, Majority) else _most_probable(result)
    return Decision(
        labels={item: codes[0] for item, codes in leaders.items() if len(codes) == 1},
        undecided={item: codes for item, codes in leaders.items() if len(codes) > 1},
    )


def _most_voted(majority: Majority) -> dict[Item, tuple[Code, ...]]:
    ratings = majority.ratings
    votes = [Counter[int]() for _ in ratings.items]
    for item, category in zip(ratings.item.tolist(), ratings.category.tolist(), strict=True):
        votes[item][category] += 1
    leaders = {}
    for name, counts, first, share in zip(
        ratings.items, votes, majority.category, majority.share, strict=True
    ):
        level = sorted(c for c, count in counts.items() if count / counts.total() == share)
        assert level[0] == first
        leaders[name] = tuple(ratings.categories[c] for c in level)
    return leaders


def _most_probable(fitted: DawidSkene) -> dict[Item, tuple[Code, ...]]:
    ratings, posteriors = fitted.ratings, fitted.posteriors
    level = posteriors >= posteriors.max(axis=1, keepdims=True, initial=0) - 1e-6
    return {
        name: tuple(code for code, leads in zip(ratings.categories, row, strict=True) if leads)
        for name, row in zip(ratings.items, level, strict=True)
    }
