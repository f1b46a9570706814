"""The dataset card: what a snapshot holds and how it was labelled, as Markdown and as one HTML page without script.

The card is deterministic like the rest of a snapshot: it holds no time, no name of a person, and nothing that the labels do
not decide. Its form is in `templates/dataset_card.md` and `templates/dataset_card.html`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from annotator.domain.grouping.splits import SplitRule
from annotator.domain.metrics.anchoring import Agreeing, Anchoring
from annotator.domain.metrics.noise_ceiling import NoiseCounts, ceiling_text
from annotator.domain.plurals import counted
from annotator.domain.schema import CANNOT_TELL_NAME, Attribute, Schema
from annotator.formats.snapshot.filled.text import certificate_sentences
from annotator.formats.snapshot.tally import SPLITS, Tally
from annotator.resources import resource

BAR_WIDTH = 320
"""Pixels of the longest bar of a chart."""
SHORT_NAME = 22
"""Letters of a value's name that fit beside its bar."""


@dataclass(frozen=True)
class AttributeAgreement:
    """How far people agree on one attribute: cells with two answers or more, and metrics, which may not exist.

    `noise`: what their answers say of the noise of the labels.
    """

    attribute: str
    cells: int
    percent: float | None
    alpha: float | None
    noise: NoiseCounts | None = None


@dataclass(frozen=True)
class Labelling:
    """How the snapshot was labelled."""

    origins: dict[str, int] = field(default_factory=dict)
    """All answers, including those that were corrected later, per origin."""
    labellers: int = 0
    agreement: list[AttributeAgreement] = field(default_factory=list)
    anchoring: list[tuple[str, Anchoring]] = field(default_factory=list)
    """How far people follow suggestions: in sum, then by attribute; empty if suggestions were never withheld."""


Table = list[list[str]]
"""The header, then rows; all columns but the first are numbers."""
ImagesBySplit = dict[str, int]


@dataclass(frozen=True)
class BarPart:
    """A split's part of a bar, with its place and size in pixels."""

    split: str
    images: int
    left: float
    width: float


@dataclass(frozen=True)
class Bars:
    """A chart: a bar per value of an attribute, stacked by split."""

    attribute: str
    values: list[tuple[str, list[BarPart]]]
    width: int = BAR_WIDTH


@dataclass(frozen=True)
class Section:
    """A section of the card; the first one is the title."""

    title: str
    lines: list[str]
    table: Table = field(default_factory=list)
    bars: Bars | None = None
    guideline: str = ""


def card_files(
    schema: Schema,
    tally: Tally,
    splits: SplitRule,
    labelling: Labelling,
    certificates: Sequence[Mapping[str, Any]] = (),
) -> dict[str, str]:
    """Return the texts of card.md and card.html; `certificates`: the entries of certificates.json."""
    sections = _sections(schema, tally, splits, labelling, certificates)
    templates = {"card.html": "dataset_card.html", "card.md": "dataset_card.md"}
    return {
        file: _environment().get_template(template).render(sections=sections, splits=SPLITS)
        for file, template in templates.items()
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(resource("templates")),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = _plain
    return environment


def _sections(
    schema: Schema,
    tally: Tally,
    splits: SplitRule,
    labelling: Labelling,
    certificates: Sequence[Mapping[str, Any]],
) -> list[Section]:
    filled = Section(
        "Filled by the model", [certificate_sentences(one, schema, tally.images) for one in certificates]
    )
    return [
        Section(
            "Dataset card",
            [
                f"{counted(tally.images, 'image', 'images')}, {tally.done.total():,} of them labelled, "
                + counted(len(schema.attributes), "attribute.", "attributes.")
            ],
        ),
        _splits(tally, splits),
        Section(
            "Sources",
            ["The folders that the images were imported from."],
            [["source", "images"], *([name, str(number)] for name, number in sorted(tally.sources.items()))],
        ),
        *(_attribute(attribute, tally) for attribute in schema.attributes),
        _agreement(labelling),
        *_anchoring(labelling),
        *_noise(schema, tally, labelling),
        Section(
            "How it was labelled",
            [
                f"Labellers: {labelling.labellers}. Answers ever given, corrections included, by origin (FORMATS.md):"
            ],
            [["origin", "answers"], *([name, str(n)] for name, n in sorted(labelling.origins.items()))],
        ),
        *([filled] if certificates else []),
        Section("Known limits", _limits(schema, tally, labelling)),
    ]


def _splits(tally: Tally, rule: SplitRule) -> Section:
    groups = tally.groups()
    rows = [
        [split, str(tally.splits[split]), str(tally.done[split]), str(groups.get(split, 0))]
        for split in SPLITS
        if tally.splits[split]
    ]
    leaks = tally.leaks()
    return Section(
        "Splits and leaks",
        [
            f"By group, seed {rule.seed}, {rule.share_val:g} of the groups in val and {rule.share_test:g} in test.",
            "No group stands in two splits."
            if not leaks
            else f"Groups in more than one split, a LEAK: {leaks}.",
        ],
        [["split", "images", "labelled", "groups"], *rows],
    )


def _attribute(attribute: Attribute, tally: Tally) -> Section:
    title = f"Attribute {attribute.name}"
    if attribute.kind == "open":
        labelled, people = tally.people(attribute.name)
        return Section(
            title,
            [
                f"{attribute.title}: open, values are named while labelling. {counted(people, 'value', 'values')} on "
                + counted(labelled, "image.", "images.")
            ],
            guideline=attribute.guideline,
        )
    images_of = tally.labels_of(attribute.name)
    names = {v.code: v.name + (" (retired)" if v.status == "retired" else "") for v in attribute.values}
    values = [(f"{code} {name}", images_of.get(code, {})) for code, name in names.items()]
    values.append((CANNOT_TELL_NAME, images_of.get(None, {})))
    total = sum(sum(images.values()) for _, images in values)
    rows = [
        [
            name,
            str(sum(images.values())),
            _percent(sum(images.values()), total),
            *(str(images.get(split, 0)) for split in SPLITS),
        ]
        for name, images in values
    ]
    return Section(
        title,
        [
            f"{attribute.title}: {counted(total, 'image is', 'images are')} labelled, {tally.images - total:,} not."
        ],
        [["value", "images", "share", *SPLITS], *rows],
        _bars(attribute.name, values),
        attribute.guideline,
    )


def _bars(attribute: str, values: list[tuple[str, ImagesBySplit]]) -> Bars:
    most = max(max((sum(images.values()) for _, images in values), default=0), 1)
    bars = []
    for name, images in values:
        parts, left = [], 0.0
        for split in SPLITS:
            width = BAR_WIDTH * images.get(split, 0) / most
            parts.append(BarPart(split, images.get(split, 0), left, width))
            left += width
        bars.append((name if len(name) <= SHORT_NAME else f"{name[: SHORT_NAME - 1]}…", parts))
    return Bars(attribute, bars)


def _agreement(labelling: Labelling) -> Section:
    rows = [
        [one.attribute, str(one.cells), _number(one.percent), _number(one.alpha)]
        for one in labelling.agreement
        if one.cells
    ]
    if not rows:
        return Section("Agreement", ["No cell has answers of two people: nothing is known about agreement."])
    return Section(
        "Agreement",
        ["Over the cells that two people or more answered: agreeing pairs, and Krippendorff's alpha."],
        [["attribute", "cells", "agreement", "alpha"], *rows],
    )


def _anchoring(labelling: Labelling) -> list[Section]:
    if not labelling.anchoring:
        return []
    rows = [
        [name, _percent(*_counts(one.shown)), _percent(*_counts(one.withheld)), _points(one)]
        for name, one in labelling.anchoring
    ]
    return [
        Section(
            "How far people follow suggestions",
            [
                "Answers that equal the model's value, with the suggestion in sight and without it, as chance decided.",
                "The difference is in percentage points, with its 95 % interval by groups.",
                labelling.anchoring[0][1].text,
            ],
            [["attribute", "in sight", "withheld", "difference"], *rows],
        )
    ]


def _counts(agreeing: Agreeing) -> tuple[int, int]:
    return agreeing.equal, agreeing.answers


def _points(one: Anchoring) -> str:
    if one.difference is None or one.low is None or one.high is None:
        return "too few to say"
    return f"{100 * one.difference:+.1f} ({100 * one.low:+.1f} to {100 * one.high:+.1f})"


def _noise(schema: Schema, tally: Tally, labelling: Labelling) -> list[Section]:
    """What a perfect model could score, if the noise of the labels of an attribute is known."""
    sentences = []
    for one in labelling.agreement:
        if one.noise is None:
            continue
        images_of = tally.labels_of(one.attribute)
        measured = {code: images.get("test", 0) for code, images in images_of.items() if code is not None}
        every = {code: sum(images.values()) for code, images in images_of.items() if code is not None}
        ceiling = one.noise.ceiling(measured if any(measured.values()) else every)
        if ceiling is not None:
            names = [value.name for value in schema[one.attribute].values]
            sentences.append(f"{one.attribute}: {ceiling_text(ceiling, names)}")
    return [Section("What the labels allow", sentences)] if sentences else []


def _limits(schema: Schema, tally: Tally, labelling: Labelling) -> list[str]:
    limits = []
    if tally.done.total() < tally.images:
        limits.append(f"{tally.images - tally.done.total()} images still lack an answer.")
    for attribute in schema.attributes:
        if attribute.kind == "categorical":
            images_of = tally.labels_of(attribute.name)
            rare = [
                v.name
                for v in attribute.values
                if v.status == "active" and sum(images_of.get(v.code, {}).values()) < 10
            ]
            if rare:
                limits.append(f"{attribute.name}: fewer than 10 images show {', '.join(rare)}.")
    if not any(one.cells for one in labelling.agreement):
        limits.append("Each answer rests on one person; errors of that person are not seen.")
    limits.append(
        "Groups are those that labels and imports named; nearly equal images outside of them are not searched for here."
    )
    return limits


def _percent(number: int, total: int) -> str:
    return f"{100 * number / total:.1f} %" if total else "–"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _plain(text: str) -> str:
    """Escape a text so that Markdown shows it as it is, in one line."""
    escaped = "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in text)
    return " ".join(escaped.split())
