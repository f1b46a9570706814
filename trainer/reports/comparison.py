"""The table of a comparison as HTML with sortable columns, CSV and Markdown."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainer.reports.page import page, share, text, with_interval
from trainer.runtime.files import write_atomically

SORT = """
document.querySelectorAll("th").forEach((head, column) => {
  const sort = () => {
    const down = head.getAttribute("aria-sort") !== "descending";
    document.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = head.closest("table").tBodies[0];
    const key = (row) => { const cell = row.cells[column].dataset.key; return isNaN(cell) || cell === "" ? cell : +cell; };
    [...body.rows].sort((a, b) => (key(a) < key(b) ? 1 : key(a) > key(b) ? -1 : 0) * (down ? 1 : -1))
      .forEach((row) => body.append(row));
  };
  head.querySelector("button").onclick = sort;
});
"""


FIGURES = ("balanced_accuracy", "accuracy")


def write_comparison(rows: Sequence[dict[str, Any]], to: Path) -> None:
    """Write `comparison.html`, `comparison.csv` and `comparison.md`.

    Args:
        rows: Of `trainer.rounds.compare.compare`.
        to: The folder; exists.
    """
    columns = [(name, key) for name in sorted({n for row in rows for n in row["figures"]}) for key in FIGURES]
    choices = ["network", "preprocess", "crop", "pretrained", "parameters", "MB", "training s", "ms/image"]
    named = [f"{name}: {key.replace('_', ' ')}" for name, key in columns]
    titles = [*choices, *named, "error"]
    shown = [
        [*_shown_choices(row), *(_words(row, *column) for column in columns), row["error"]] for row in rows
    ]
    keys = [[*_choices(row), *(_figure(row, *column)[0] for column in columns), row["error"]] for row in rows]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        [*choices, *(f"{name}{end}" for name in named for end in ("", ", low", ", high")), "error"]
    )
    for row in rows:
        writer.writerow(
            [*_choices(row), *(n for column in columns for n in _figure(row, *column)), row["error"]]
        )
    write_atomically(to / "comparison.csv", stream.getvalue().encode())
    lines = [titles, ["---"] * len(titles), *shown]
    markdown = "".join("| " + " | ".join(str(c).replace("|", "\\|") for c in line) + " |\n" for line in lines)
    write_atomically(to / "comparison.md", markdown.encode())
    write_atomically(to / "comparison.html", _html(titles, shown, keys).encode())


def _html(titles: Sequence[str], shown: Sequence[Sequence[Any]], plain: Sequence[Sequence[Any]]) -> str:
    head = "".join(f'<th scope="col"><button type="button">{text(title)}</button></th>' for title in titles)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td data-key="{text("" if key is None else key)}">{text(cell)}</td>'
            for cell, key in zip(line, keys, strict=True)
        )
        + "</tr>"
        for line, keys in zip(shown, plain, strict=True)
    )
    content = (
        '<p class="dim">Figures on the test split, or on val without one, with their 95 % intervals by group. A click on a heading sorts.</p>'
        f'<div class="scroll"><table class="sortable"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f"<script>{SORT}</script>"
    )
    return page("Comparison", [("Runs", content)])


def _choices(row: dict[str, Any]) -> list[Any]:
    measured = [
        row.get(key, "") for key in ("parameters", "megabytes", "training_seconds", "milliseconds_per_image")
    ]
    return [*(row["choices"][key] for key in ("network", "preprocess", "crop", "pretrained")), *measured]


def _shown_choices(row: dict[str, Any]) -> list[Any]:
    network, preprocess, crop, pretrained, parameters, *rest = _choices(row)
    return [
        network,
        preprocess,
        crop,
        "yes" if pretrained else "no",
        f"{parameters:,}" if parameters else "",
        *rest,
    ]


def _figure(row: dict[str, Any], name: str, key: str) -> tuple[float | None, float | None, float | None]:
    """A figure and the ends of its interval."""
    found = row["figures"].get(name, {})
    low, high = found.get(f"{key}_interval") or (None, None)
    return found.get(key), low, high


def _words(row: dict[str, Any], name: str, key: str) -> str:
    value, low, high = _figure(row, name, key)
    return share(value) if low is None or high is None else with_interval(value, (low, high))
