"""The numbers behind the insights page's figures, as tables that can be downloaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from annotator.domain.agreement.coefficients import Agreement
from annotator.errors import NotFound
from annotator.services.insights.report import Insights, curve_of

Row = list[Any]
"""The cells of a line; None is an empty one."""


def insights_table(insights: Insights, figure: str, attribute: str | None = None) -> Iterator[Row]:
    """The lines of a figure's table, the header first.

    Args:
        insights: what was read.
        figure: one of FIGURES.
        attribute: only this one's lines.

    Raises:
        NotFound: if there is no such figure.
    """
    if figure not in FIGURES:
        raise NotFound(
            "unknown_figure", f"There is no figure {figure!r}.", do=f"There are {', '.join(FIGURES)}."
        )
    header, rows = FIGURES[figure]
    yield header
    place = header.index("attribute") if "attribute" in header else None
    for row in rows(insights):
        if attribute is None or place is None or row[place] == attribute:
            yield row


def _curves(insights: Insights) -> Iterator[Row]:
    for found in insights.attributes:
        for number, labels, m in curve_of(insights.rounds, found.attribute):
            yield [found.attribute, number, labels, m.images, m.groups, m.value, m.low, m.high]


def _confusion(insights: Insights) -> Iterator[Row]:
    for found in insights.attributes:
        names = [name for _, name in found.classes]
        for right, counts in zip(names, insights.rounds.confusion.get(found.attribute, []), strict=False):
            for answer, images in zip(names, counts, strict=True):
                yield [found.attribute, insights.rounds.in_use, right, answer, images]


def _calibration(insights: Insights) -> Iterator[Row]:
    for name, found in insights.rounds.calibration.items():
        for part in found.bins:
            yield [
                name,
                insights.rounds.in_use,
                part.confidence,
                part.right,
                part.images,
                found.error,
                found.null_low,
                found.null_high,
            ]


def _distributions(insights: Insights) -> Iterator[Row]:
    for found in insights.attributes:
        for value in found.distribution.values:
            yield [found.attribute, value.code, value.name, value.train, value.val, value.test]


def _agreement(insights: Insights) -> Iterator[Row]:
    for found in insights.attributes:
        alpha: Agreement | None = found.agreement
        if alpha is not None:
            interval = alpha.interval
            yield [
                found.attribute,
                alpha.items,
                alpha.value,
                interval and interval.low,
                interval and interval.high,
            ]


def _advice(insights: Insights) -> Iterator[Row]:
    for found in insights.attributes:
        gain = found.gain
        gained = [gain.value, gain.low, gain.high] if gain else [None] * 3
        yield [found.attribute, found.advice.verdict, found.changed, *gained, found.advice.text]


def _pace(insights: Insights) -> Iterator[Row]:
    for day in insights.pace.days:
        yield [day.day, day.cells, day.hours]


def _suggestions(insights: Insights) -> Iterator[Row]:
    for (number, attribute), found in sorted(insights.suggestions.items()):
        yield [number, attribute, found.accepted, found.corrected]


def _saved(insights: Insights) -> Iterator[Row]:
    found = insights.labels_saved
    if found is not None:
        yield [
            found.round,
            found.worth,
            found.low,
            found.high,
            found.random,
            found.chosen,
            found.held_out,
            found.trained_on,
            found.saved,
            found.text,
        ]


FIGURES: dict[str, tuple[Row, Callable[[Insights], Iterator[Row]]]] = {
    "curves": (
        ["attribute", "round", "labels", "audit_images", "audit_groups", "balanced_accuracy", "low", "high"],
        _curves,
    ),
    "confusion": (["attribute", "round", "right", "answer", "images"], _confusion),
    "calibration": (
        ["attribute", "round", "probability", "right", "images", "error", "null_low", "null_high"],
        _calibration,
    ),
    "distributions": (["attribute", "code", "value", "train", "val", "test"], _distributions),
    "agreement": (["attribute", "images", "alpha", "low", "high"], _agreement),
    "advice": (["attribute", "verdict", "changed", "gain_per_100", "low", "high", "text"], _advice),
    "saved": (
        ["round", "worth", "low", "high", "random", "chosen", "audit_images", "trained_on", "saved", "text"],
        _saved,
    ),
    "pace": (["day", "cells", "hours"], _pace),
    "suggestions": (["round", "attribute", "accepted", "corrected"], _suggestions),
}
"""Figure → the header of its table, and what gives the lines."""
