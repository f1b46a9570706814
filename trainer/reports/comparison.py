"""The table of a comparison as HTML with sortable columns, CSV and Markdown."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainer.reports.numbers import format_interval
from trainer.reports.render import render
from trainer.runtime.files import write_atomically

CHOICES = ("network", "preprocess", "crop", "pretrained")
MEASURED = ("parameters", "megabytes", "training_seconds", "milliseconds_per_image")
TITLES = (*CHOICES, "parameters", "MB", "training s", "ms/image")
METRICS = ("balanced_accuracy", "accuracy")
Column = tuple[str, str]
"""Attribute and metric."""


def write_comparison(rows: Sequence[dict[str, Any]], to: Path) -> None:
    """Write `comparison.html`, `comparison.csv` and `comparison.md`.

    Args:
        rows: Of `trainer.rounds.compare.compare`.
        to: The folder; exists.
    """
    columns = [(name, key) for name in sorted({n for row in rows for n in row["figures"]}) for key in METRICS]
    named = [f"{name}: {key.replace('_', ' ')}" for name, key in columns]
    titles = [*TITLES, *named, "error"]
    shown = [
        [*_shown_choices(row), *(_shown_metric(row, *column) for column in columns), row["error"]]
        for row in rows
    ]
    write_atomically(to / "comparison.csv", _csv(rows, columns, named).encode())
    write_atomically(to / "comparison.md", _markdown([titles, ["---"] * len(titles), *shown]).encode())
    keys = [[*_choices(row), *(_metric(row, *column)[0] for column in columns), row["error"]] for row in rows]
    lines = [list(zip(cells, line, strict=True)) for cells, line in zip(shown, keys, strict=True)]
    html = render("comparison.html.j2", titles=titles, words=len(CHOICES), lines=lines)
    write_atomically(to / "comparison.html", html.encode())


def _csv(rows: Sequence[dict[str, Any]], columns: Sequence[Column], named: Sequence[str]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        [*TITLES, *(f"{name}{end}" for name in named for end in ("", ", low", ", high")), "error"]
    )
    for row in rows:
        metrics = (number for column in columns for number in _metric(row, *column))
        writer.writerow([*_choices(row), *metrics, row["error"]])
    return stream.getvalue()


def _markdown(lines: Sequence[Sequence[Any]]) -> str:
    return "".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


def _choices(row: dict[str, Any]) -> list[Any]:
    return [*(row["choices"][key] for key in CHOICES), *(row.get(key, "") for key in MEASURED)]


def _shown_choices(row: dict[str, Any]) -> list[Any]:
    network, preprocess, crop, pretrained, *measured = _choices(row)
    formats = ("{:,}", "{:.2f}", "{:.1f}", "{:.2f}")
    numbers = ("" if n == "" else form.format(n) for form, n in zip(formats, measured, strict=True))
    return [network, preprocess, crop, "yes" if pretrained else "no", *numbers]


def _metric(row: dict[str, Any], name: str, key: str) -> tuple[float | None, float | None, float | None]:
    """A metric and the ends of its interval."""
    metrics = row["figures"].get(name, {})
    low, high = metrics.get(f"{key}_interval") or (None, None)
    return metrics.get(key), low, high


def _shown_metric(row: dict[str, Any], name: str, key: str) -> str:
    value, low, high = _metric(row, name, key)
    return format_interval(value, None if low is None or high is None else (low, high))
