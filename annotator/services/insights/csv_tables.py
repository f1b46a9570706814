"""The numbers behind the charts of the insights page, as tables to download."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from annotator.domain.agreement.coefficients import Agreement
from annotator.errors import NotFound
from annotator.services.insights.report import Insights, curve_of

Row = list[Any]
"""The cells of a row; None is an empty cell."""


def insights_table(insights: Insights, table: str, attribute: str | None = None) -> Iterator[Row]:
    """The rows of a table, header first.

    Args:
        insights: the insights.
        table: a name in TABLES.
        attribute: select the rows of this attribute, if the table has attributes.

    Raises:
        NotFound: if there is no such table.
    """
    if table not in TABLES:
        raise NotFound(
            "unknown_figure", f"There is no table {table!r}.", do=f"Choose one of {', '.join(TABLES)}."
        )
    header, rows = TABLES[table]
    yield header
    column = header.index("attribute") if "attribute" in header else None
    for row in rows(insights):
        if attribute is None or column is None or row[column] == attribute:
            yield row


def _curves(insights: Insights) -> Iterator[Row]:
    for entry in insights.attributes:
        for number, labels, m in curve_of(insights.rounds, entry.attribute):
            yield [entry.attribute, number, labels, m.images, m.groups, m.value, m.low, m.high]


def _confusion(insights: Insights) -> Iterator[Row]:
    for entry in insights.attributes:
        names = [name for _, name in entry.classes]
        for right, counts in zip(names, insights.rounds.confusion.get(entry.attribute, []), strict=False):
            for answer, images in zip(names, counts, strict=True):
                yield [entry.attribute, insights.rounds.sources.get(entry.attribute), right, answer, images]


def _calibration(insights: Insights) -> Iterator[Row]:
    for name, calibration in insights.rounds.calibration.items():
        for part in calibration.bins:
            yield [
                name,
                insights.rounds.sources.get(name),
                part.confidence,
                part.right,
                part.images,
                calibration.error,
                calibration.null_low,
                calibration.null_high,
            ]


def _distributions(insights: Insights) -> Iterator[Row]:
    for entry in insights.attributes:
        for value in entry.distribution.values:
            yield [entry.attribute, value.code, value.name, value.train, value.val, value.test]


def _agreement(insights: Insights) -> Iterator[Row]:
    for entry in insights.attributes:
        alpha: Agreement | None = entry.agreement
        if alpha is not None:
            interval = alpha.interval
            yield [
                entry.attribute,
                alpha.items,
                alpha.value,
                interval and interval.low,
                interval and interval.high,
            ]


def _advice(insights: Insights) -> Iterator[Row]:
    for entry in insights.attributes:
        gain = entry.gain
        gained = [gain.value, gain.low, gain.high] if gain else [None] * 3
        yield [entry.attribute, entry.advice.verdict, entry.changed, *gained, entry.advice.text]


def _pace(insights: Insights) -> Iterator[Row]:
    for day in insights.pace.days:
        yield [day.day, day.cells, day.hours]


def _suggestions(insights: Insights) -> Iterator[Row]:
    for (number, attribute), counts in sorted(insights.suggestions.items()):
        yield [number, attribute, counts.accepted, counts.corrected]


def _saved(insights: Insights) -> Iterator[Row]:
    saved = insights.labels_saved
    if saved is not None:
        yield [
            saved.round,
            saved.worth,
            saved.low,
            saved.high,
            saved.random,
            saved.chosen,
            saved.held_out,
            saved.trained_on,
            saved.saved,
            saved.text,
        ]


TABLES: dict[str, tuple[Row, Callable[[Insights], Iterator[Row]]]] = {
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
"""The name of a table → its header, and the function that yields its rows."""
