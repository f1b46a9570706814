"""The dataset card: what a snapshot holds and how it came about, as Markdown and as one HTML page without script.

Deterministic like the rest of a snapshot: no time, no name of a person, nothing that the labels do not decide.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from annotator.domain.grouping.splits import SplitRule
from annotator.domain.schema import CANNOT_TELL_NAME, Attribute, Schema
from annotator.formats.snapshot.tally import SPLITS, Tally

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#16191d;background:#fff}
table{border-collapse:collapse;margin:.5rem 0 1rem}th,td{padding:.25rem .9rem .25rem 0;text-align:left;border-bottom:1px solid #d3d8de}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}h2{margin-top:2rem;border-top:1px solid #d3d8de;padding-top:1rem}
.guideline{white-space:pre-wrap;border-left:4px solid #d3d8de;padding-left:1rem}.train{fill:#1f5fbf}.val{fill:#8a4b00}.test{fill:#1d6b37}.track{fill:#e3e6ea}
@media(prefers-color-scheme:dark){body{color:#e9ecf0;background:#14171b}th,td,h2,.guideline{border-color:#39414a}.track{fill:#39414a}.train{fill:#7db1ff}.val{fill:#ffc46b}.test{fill:#7fd39a}}
"""
_BAR = 320  # pixels of a figure's bar


@dataclass(frozen=True)
class AgreementFigure:
    """How far people agree on one attribute: cells with two answers or more, and figures that may not exist."""

    attribute: str
    cells: int
    percent: float | None
    alpha: float | None


@dataclass(frozen=True)
class Labelling:
    """How the labels came about."""

    origins: dict[str, int] = field(default_factory=dict)
    """Answers ever given, per origin."""
    labellers: int = 0
    agreement: list[AgreementFigure] = field(default_factory=list)


Table = list[list[str]]
"""The header, then rows; all columns but the first are numbers."""


def card_files(schema: Schema, tally: Tally, splits: SplitRule, labelling: Labelling) -> dict[str, str]:
    """The texts of card.md and card.html."""
    sections = _sections(schema, tally, splits, labelling)
    return {"card.html": _html(sections), "card.md": _markdown(sections)}


@dataclass(frozen=True)
class _Section:
    title: str
    lines: list[str]
    table: Table = field(default_factory=list)
    figure: str = ""
    guideline: str = ""


def _sections(schema: Schema, tally: Tally, splits: SplitRule, labelling: Labelling) -> list[_Section]:
    return [
        _Section(
            "Dataset card",
            [
                f"{tally.images} images, {tally.done.total()} of them labelled, {len(schema.attributes)} attributes."
            ],
        ),
        _splits(tally, splits),
        _Section(
            "Sources",
            ["The folders that the images were imported from."],
            [["source", "images"], *([name, str(number)] for name, number in sorted(tally.sources.items()))],
        ),
        *(_attribute(attribute, tally) for attribute in schema.attributes),
        _agreement(labelling),
        _Section(
            "How it was labelled",
            [
                f"Labellers: {labelling.labellers}. Answers ever given, corrections included, by origin (FORMATS.md):"
            ],
            [["origin", "answers"], *([name, str(n)] for name, n in sorted(labelling.origins.items()))],
        ),
        _Section("Known limits", _limits(schema, tally, labelling)),
    ]


def _splits(tally: Tally, rule: SplitRule) -> _Section:
    groups = tally.groups()
    rows = [
        [split, str(tally.splits[split]), str(tally.done[split]), str(groups.get(split, 0))]
        for split in SPLITS
        if tally.splits[split]
    ]
    leaks = tally.leaks()
    return _Section(
        "Splits and leaks",
        [
            f"By group, seed {rule.seed}, {rule.share_val:g} of the groups in val and {rule.share_test:g} in test.",
            "No group stands in two splits."
            if not leaks
            else f"Groups in more than one split, a LEAK: {leaks}.",
        ],
        [["split", "images", "labelled", "groups"], *rows],
    )


def _attribute(attribute: Attribute, tally: Tally) -> _Section:
    title = f"Attribute {attribute.name}"
    if attribute.kind == "open":
        labelled, people = tally.people(attribute.name)
        return _Section(
            title,
            [
                f"{attribute.title}: open, values are named while labelling. {people} values on {labelled} images."
            ],
            guideline=attribute.guideline,
        )
    found = tally.labels_of(attribute.name)
    names = {v.code: v.name + (" (retired)" if v.status == "retired" else "") for v in attribute.values}
    values = [(f"{code} {name}", found.get(code, {})) for code, name in names.items()]
    values.append((CANNOT_TELL_NAME, found.get(None, {})))
    total = sum(sum(by_split.values()) for _, by_split in values)
    rows = [
        [
            name,
            str(sum(splits.values())),
            _share(sum(splits.values()), total),
            *(str(splits.get(s, 0)) for s in SPLITS),
        ]
        for name, splits in values
    ]
    missing = tally.images - total
    return _Section(
        title,
        [f"{attribute.title}: {total} images are labelled, {missing} are not."],
        [["value", "images", "share", *SPLITS], *rows],
        _figure(values, attribute.name),
        attribute.guideline,
    )


def _figure(values: list[tuple[str, dict[str, int]]], name: str) -> str:
    """A bar per value, stacked by split, as SVG."""
    most = max(max((sum(splits.values()) for _, splits in values), default=0), 1)
    bars = []
    for row, (value, splits) in enumerate(values):
        top, left = 22 * row, 170.0
        bars.append(
            f'<text x="0" y="{top + 14}" font-size="13" fill="currentColor">{escape(value[:24])}</text>'
        )
        bars.append(f'<rect class="track" x="170" y="{top + 3}" width="{_BAR}" height="14"/>')
        for split in SPLITS:
            width = _BAR * splits.get(split, 0) / most
            bars.append(
                f'<rect class="{split}" x="{left:.2f}" y="{top + 3}" width="{width:.2f}" height="14">'
                f"<title>{escape(value)}, {split}: {splits.get(split, 0)}</title></rect>"
            )
            left += width
    height = 22 * len(values) + 22
    for place, split in enumerate(SPLITS):
        x, y = 170 + 70 * place, height - 16
        bars.append(f'<rect class="{split}" x="{x}" y="{y}" width="10" height="10"/>')
        bars.append(f'<text x="{x + 15}" y="{y + 10}" font-size="12" fill="currentColor">{split}</text>')
    return (
        f'<svg role="img" aria-label="Images per value of {escape(name)}, stacked by split" '
        f'width="500" height="{height}" viewBox="0 0 500 {height}">{"".join(bars)}</svg>'
    )


def _agreement(labelling: Labelling) -> _Section:
    rows = [
        [f.attribute, str(f.cells), _number(f.percent), _number(f.alpha)]
        for f in labelling.agreement
        if f.cells
    ]
    if not rows:
        return _Section("Agreement", ["No cell has answers of two people: nothing is known about agreement."])
    return _Section(
        "Agreement",
        ["Over the cells that two people or more answered: agreeing pairs, and Krippendorff's alpha."],
        [["attribute", "cells", "agreement", "alpha"], *rows],
    )


def _limits(schema: Schema, tally: Tally, labelling: Labelling) -> list[str]:
    limits = []
    if tally.done.total() < tally.images:
        limits.append(f"{tally.images - tally.done.total()} images still lack an answer.")
    for attribute in schema.attributes:
        if attribute.kind == "categorical":
            found = tally.labels_of(attribute.name)
            rare = [
                v.name
                for v in attribute.values
                if v.status == "active" and sum(found.get(v.code, {}).values()) < 10
            ]
            if rare:
                limits.append(f"{attribute.name}: fewer than 10 images show {', '.join(rare)}.")
    if not any(figure.cells for figure in labelling.agreement):
        limits.append("Each answer rests on one person; errors of that person are not seen.")
    limits.append(
        "Groups are those that labels and imports named; nearly equal images outside of them are not searched for here."
    )
    return limits


def _share(number: int, total: int) -> str:
    return f"{100 * number / total:.1f} %" if total else "–"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _markdown(sections: list[_Section]) -> str:
    parts = []
    for place, section in enumerate(sections):
        parts.append(f"{'#' if place == 0 else '##'} {_plain(section.title)}\n")
        parts += [f"{_plain(line)}\n" for line in section.lines]
        if section.table:
            header, *rows = section.table
            lines = ["| " + " | ".join(map(_plain, row)) + " |" for row in (header, *rows)]
            lines.insert(1, "|---" + "|--:" * (len(header) - 1) + "|")
            parts.append("\n".join(lines) + "\n")
        if section.guideline:
            parts.append("\n".join(f"> {_plain(line)}" for line in section.guideline.splitlines()) + "\n")
    return "\n".join(parts)


def _plain(text: str) -> str:
    """A text that Markdown takes as it is."""
    escaped = "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in text)
    return " ".join(escaped.split())


def _html(sections: list[_Section]) -> str:
    parts = []
    for place, section in enumerate(sections):
        level = "h1" if place == 0 else "h2"
        parts.append(f"<{level}>{escape(section.title)}</{level}>")
        parts += [f"<p>{escape(line)}</p>" for line in section.lines]
        if section.figure:
            parts.append(section.figure)
        if section.table:
            parts.append(_html_table(section.table))
        if section.guideline:
            parts.append(f'<p class="guideline">{escape(section.guideline)}</p>')
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" '
        f'content="width=device-width">\n<title>Dataset card</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n'
        + "\n".join(parts)
        + "\n</main>\n</body>\n</html>\n"
    )


def _html_table(table: Table) -> str:
    header, *rows = table

    def line(row: list[str], tag: str) -> str:
        first = f'<th scope="{"col" if tag == "th" else "row"}">{escape(row[0])}</th>'
        scope = ' scope="col"' if tag == "th" else ""
        return (
            "<tr>"
            + first
            + "".join(f'<{tag} class="n"{scope}>{escape(c)}</{tag}>' for c in row[1:])
            + "</tr>"
        )

    body = "\n".join(line(row, "td") for row in rows)
    return f"<table>\n<thead>{line(header, 'th')}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"
