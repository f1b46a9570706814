"""Ratings: the answers of several labellers to one attribute, as arrays for agreement and aggregation."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Item = int | str
Rater = int | str
Code = int | None
"""The code of a value; None is "can't tell"."""

Positions = NDArray[np.intp]
Floats = NDArray[np.float64]
_T = TypeVar("_T", bound=Hashable)


@dataclass(frozen=True, eq=False)
class Ratings:
    """The answers to one attribute. All arrays but `group` have one entry per answer.

    Items, raters, categories and groups are sorted (None last), so that results do not depend on the order of the
    answers in a query.
    """

    items: tuple[Item, ...]
    raters: tuple[Rater, ...]
    categories: tuple[Code, ...]
    item: Positions
    """Position in `items`."""
    rater: Positions
    """Position in `raters`."""
    category: Positions
    """Position in `categories`."""
    group: Positions
    """One entry per item: the number of the group that it belongs to."""
    times: Positions
    """One entry per item: how many items with the same answers it stands for; each of them is a separate group."""

    @classmethod
    def read(
        cls,
        triples: Iterable[tuple[Item, Rater, Code]],
        *,
        groups: Mapping[Item, str] | None = None,
        cannot_tell: bool = False,
        repeats: bool = False,
    ) -> Ratings:
        """Read (item, rater, code) triples, in the order in which they were answered.

        Args:
            triples: items are all numbers or all text, and so are raters.
            groups: the group of every item, such as all images of one person; default: each item is its own.
            cannot_tell: whether "can't tell" is a category like any other; default: it is a missing answer.
            repeats: whether every answer of a rater to an item counts; default: only the last one.
        """
        answers = list(triples) if repeats else [(*cell, code) for cell, code in _last_answers(triples)]
        if not cannot_tell:
            answers = [answer for answer in answers if answer[2] is not None]
        items, item = _positions([answer[0] for answer in answers])
        raters, rater = _positions([answer[1] for answer in answers])
        categories, category = _positions(
            [answer[2] for answer in answers], lambda code: (code is None, code or 0)
        )
        group = _positions([groups[i] for i in items])[1] if groups is not None else np.arange(len(items))
        return cls(items, raters, categories, item, rater, category, group, np.ones(len(items), np.intp))

    @classmethod
    def columns(cls, item: Positions, rater: Positions, code: Positions) -> Ratings:
        """Read columns: numbers of items and raters, one answer of a rater to an item, and codes, of which -1 is "can't tell"."""
        items, at = np.unique(item, return_inverse=True)
        raters, by = np.unique(rater, return_inverse=True)
        last = np.where(code < 0, np.iinfo(np.int64).max, code)  # "can't tell" comes last
        codes, category = np.unique(last, return_inverse=True)
        categories = tuple(None if c == np.iinfo(np.int64).max else c for c in codes.tolist())
        own, ones = np.arange(len(items)), np.ones(len(items), np.intp)
        return cls(tuple(items.tolist()), tuple(raters.tolist()), categories, at, by, category, own, ones)

    @classmethod
    def tally(cls, item: Positions, rater: Positions, code: Positions) -> Ratings:
        """Read answers, one of a rater to an item, and store items with the same answers once.

        A hundred thousand items with answers of three people are a few dozen different items. Every coefficient and its
        interval follow from these and their counts.

        Args:
            item: (answers,) numbers, equal ones in a row.
            rater: (answers,) numbers, rising within an item.
            code: (answers,) codes, without "can't tell".
        """
        starts = np.flatnonzero(np.r_[True, item[1:] != item[:-1]]) if len(item) else np.empty(0, np.intp)
        sizes = np.diff(np.r_[starts, len(item)])
        raters, rater = np.unique(rater, return_inverse=True)
        categories, category = np.unique(code, return_inverse=True)
        answer = rater * max(len(categories), 1) + category
        rows_by_size: list[Positions] = []
        times: list[int] = []
        for size in np.unique(sizes):
            rows, counts = _distinct_rows(answer[starts[sizes == size][:, None] + np.arange(size)])
            rows_by_size += list(rows)
            times += counts.tolist()
        answer = np.concatenate(rows_by_size) if rows_by_size else np.empty(0, np.intp)
        rater, category = np.divmod(answer, max(len(categories), 1))
        numbers = np.arange(len(rows_by_size))
        return cls(
            tuple(numbers.tolist()),
            tuple(raters.tolist()),
            tuple(categories.tolist()),
            np.repeat(numbers, [len(row) for row in rows_by_size]),
            rater,
            category,
            numbers,
            np.array(times, np.intp),
        )

    def between(self, first: Rater, second: Rater) -> Ratings:
        """Keep the answers of two raters, for Cohen's kappa. Both are in `raters`, even without answers."""
        pair = (first, second)
        place = np.array([pair.index(r) if r in pair else -1 for r in self.raters], dtype=np.intp)
        rater = place[self.rater]
        kept = rater >= 0
        return Ratings(
            self.items,
            pair,
            self.categories,
            self.item[kept],
            rater[kept],
            self.category[kept],
            self.group,
            self.times,
        )


def _last_answers(
    triples: Iterable[tuple[Item, Rater, Code]],
) -> Iterable[tuple[tuple[Item, Rater], Code]]:
    return {(item, rater): code for item, rater, code in triples}.items()


def _positions(values: list[_T], key: Callable[[_T], Any] | None = None) -> tuple[tuple[_T, ...], Positions]:
    """Return the distinct values in order, and the position of each value among them."""
    distinct = tuple(sorted(set(values), key=key))  # type: ignore[type-var, arg-type]
    position = {value: number for number, value in enumerate(distinct)}
    return distinct, np.fromiter((position[value] for value in values), dtype=np.intp, count=len(values))


def _distinct_rows(table: Positions) -> tuple[Positions, Positions]:
    """The distinct rows of a table of small numbers, and how often each occurs."""
    number = np.zeros(len(table), np.intp)
    for column in (
        table.T
    ):  # a number for each distinct beginning of a row: sorting numbers is faster than sorting rows
        number = np.unique(number * (int(column.max()) + 1) + column, return_inverse=True)[1]
    _, first, counts = np.unique(number, return_index=True, return_counts=True)
    return table[first], counts
