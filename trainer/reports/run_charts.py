"""The charts of a run: curves over its epochs, confusion matrices, reliability diagrams, how often every value was given."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from trainer.data.snapshot import Attribute, Snapshot
from trainer.evaluation.full_report import SPLITS
from trainer.evaluation.metrics import BINS
from trainer.reports import charts
from trainer.reports.charts import Axis, Chart
from trainer.reports.main_figures import shown_split


def read_history(file: Path) -> list[dict[str, float | None]]:
    """Return the rows of a metrics.csv; none if there is none."""
    if not file.exists():
        return []
    with file.open(newline="") as stream:
        rows = csv.DictReader(stream)
        return [{name: float(value) if value else None for name, value in row.items()} for row in rows]


def curves(history: list[dict[str, float | None]], attributes: list[str]) -> dict[str, Chart]:
    """Loss, learning rate and the accuracies of every attribute over the epochs."""
    x = Axis("epoch", 1, max(2, len(history)), whole=True)

    def line(column: str) -> list[tuple[float, float]]:
        found = [(row["epoch"], row.get(column)) for row in history]
        return [(epoch, value) for epoch, value in found if epoch is not None and value is not None]

    def chart(title: str, columns: dict[str, str], y_title: str, ceiling: float | None = None) -> Chart:
        lines = {name: line(column) for name, column in columns.items() if line(column)}
        values = [value for points in lines.values() for _, value in points]
        low = max(0.0, min(values, default=0.0) - 0.02) if ceiling else 0.0
        y = Axis(y_title, *charts.spread(values, floor=low, ceiling=ceiling))
        return charts.line_chart(title, lines, x, y)

    rates = {"backbone": "learning_rate", "heads": "head_learning_rate"}
    drawn = {
        "loss": chart("Loss", {"train": "loss", "val": "val_loss"}, "loss"),
        "learning-rate": chart("Learning rate", rates, "rate at the end of the epoch"),
    }
    for name in attributes:
        columns = {
            "train accuracy": f"train_accuracy:{name}",
            "val accuracy": f"val_accuracy:{name}",
            "val balanced accuracy": f"val_balanced_accuracy:{name}",
        }
        drawn[f"accuracy-{name}"] = chart(name, columns, "share", 1.0)
    return drawn


def confusion(attribute: Attribute, found: dict[str, Any], split: str) -> Chart:
    """The confusion matrix of an attribute on a split, without retired values that do not occur."""
    counts = np.asarray(found["balanced"]["confusion"])
    kept = [
        index
        for index, value in enumerate(attribute.values)
        if value.active or counts[index].sum() or counts[:, index].sum()
    ]
    names = [attribute.values[index].name for index in kept]
    return charts.matrix_chart(f"{attribute.name}, {split} split", names, counts[np.ix_(kept, kept)].tolist())


def reliability(name: str, splits: dict[str, dict[str, Any]]) -> Chart:
    """The reliability diagram of an attribute on the test split or, without it, on val; faint bars are shares of the images."""
    found = splits[shown_split(splits)]
    points = [(bin_["confidence"], bin_["right"]) for bin_ in found["reliability"]]
    ends = Axis("confidence", 0, 1), Axis("share of right answers", 0, 1)
    shares = []
    for bin_ in found["reliability"]:
        low = min(int(bin_["confidence"] * BINS), BINS - 1) / BINS
        shares.append((low, low + 1 / BINS, bin_["images"] / found["images"]))
    lines = {"measured": points} if points else {}
    return charts.line_chart(name, lines, *ends, diagonal=True, shares=shares)


def distribution(attribute: Attribute, snapshot: Snapshot) -> Chart:
    """How often every value of an attribute was given, split by split."""
    labels = snapshot.labels[attribute.name]
    counts = {
        split: np.bincount(
            labels[(labels >= 0) & (snapshot.splits == split)], minlength=len(attribute.values)
        ).tolist()
        for split in SPLITS
    }
    bars = {
        value.name: [counts[split][index] for split in SPLITS]
        for index, value in enumerate(attribute.values)
        if value.active or (labels == index).any()
    }
    return charts.stacked_chart(f"{attribute.name}: {(labels >= 0).sum():,} labels", SPLITS, bars)
