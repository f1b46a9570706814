"""The charts of a run: curves over its epochs, confusion matrices, reliability diagrams, labels per value."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from trainer.data.snapshot import Attribute, Snapshot
from trainer.evaluation.full_report import SPLITS
from trainer.reports.canvas import Chart, image_view
from trainer.reports.charts import Axis, line_chart, matrix_chart, spread, stacked_chart
from trainer.reports.headline_metrics import shown_split
from trainer.stats.calibration import BINS

History = list[dict[str, float | None]]
"""A row per epoch; an empty cell is None."""


def read_history(file: Path) -> History:
    """Return the rows of a metrics.csv, or no rows if the file does not exist."""
    if not file.exists():
        return []
    with file.open(newline="") as stream:
        rows = csv.DictReader(stream)
        return [{name: float(value) if value else None for name, value in row.items()} for row in rows]


def training_curves(history: History, attributes: list[str]) -> dict[str, Chart]:
    """Return the loss, the learning rates and the accuracies of every attribute over the epochs."""
    rates = {"backbone": "learning_rate", "heads": "head_learning_rate"}
    charts = {
        "loss": _curve(history, "Loss", {"train": "loss", "val": "val_loss"}, "loss"),
        "learning-rate": _curve(history, "Learning rate", rates, "rate at the end of the epoch"),
    }
    for name in attributes:
        columns = {
            "train accuracy": f"train_accuracy:{name}",
            "val accuracy": f"val_accuracy:{name}",
            "val balanced accuracy": f"val_balanced_accuracy:{name}",
        }
        charts[f"accuracy-{name}"] = _curve(history, name, columns, "fraction correct", 1.0)
    return charts | {"speed": _curve(history, "Speed", _speeds(history), "images per second")}


def _speeds(history: History) -> dict[str, str]:
    """Return the columns of all processes together and of each process."""
    each = [name for name in history[0] if name.startswith("images_per_second:")]
    return {"together": "images_per_second"} | {f"process {name.partition(':')[2]}": name for name in each}


def _curve(
    history: History, title: str, columns: dict[str, str], y_title: str, ceiling: float | None = None
) -> Chart:
    lines = {
        name: [
            (epoch, value)
            for row in history
            if (epoch := row["epoch"]) is not None and (value := row.get(column)) is not None
        ]
        for name, column in columns.items()
    }
    lines = {name: curve for name, curve in lines.items() if curve}
    values = [value for curve in lines.values() for _, value in curve]
    low = max(0.0, min(values, default=0.0) - 0.02) if ceiling else 0.0
    x = Axis("epoch", 1, max(2, len(history)), whole=True)
    return line_chart(title, lines, x, Axis(y_title, *spread(values, floor=low, ceiling=ceiling)))


def confusion(attribute: Attribute, metrics: dict[str, Any], split: str) -> Chart:
    """Return the confusion matrix of an attribute on a split, without retired values that do not occur."""
    counts = np.asarray(metrics["balanced"]["confusion"])
    kept = [
        index
        for index, value in enumerate(attribute.values)
        if value.active or counts[index].sum() or counts[:, index].sum()
    ]
    names = [attribute.values[index].name for index in kept]
    codes = [attribute.values[index].code for index in kept]
    views = [
        [
            image_view(attribute.name, value=value, predicted=predicted, balanced="true", split=split)
            for predicted in codes
        ]
        for value in codes
    ]
    return matrix_chart(f"{attribute.name}, {split} split", names, counts[np.ix_(kept, kept)].tolist(), views)


def reliability(name: str, splits: dict[str, dict[str, Any]]) -> Chart:
    """Return the reliability diagram of an attribute on the test split, or on val without it.

    Faint bars show the fraction of the images in each bin of confidence.
    """
    split = shown_split(splits)
    metrics = splits[split]
    points = [(bin_["confidence"], bin_["right"]) for bin_ in metrics["reliability"]]
    fractions, views = [], []
    for bin_ in metrics["reliability"]:
        number = min(int(bin_["confidence"] * BINS), BINS - 1)
        low, high = number / BINS, (number + 1) / BINS
        fractions.append((low, high, bin_["images"] / metrics["images"]))
        below = high if number + 1 < BINS else None
        views.append(image_view(name, value="labelled", split=split, sure_from=low, sure_below=below))
    lines = {"measured": points} if points else {}
    axes = Axis("confidence", 0, 1), Axis("fraction correct", 0, 1)
    return line_chart(name, lines, *axes, diagonal=True, background=fractions, views=views)


def label_counts(attribute: Attribute, snapshot: Snapshot) -> Chart:
    """Return how many labels every value of an attribute has in every split."""
    labels = snapshot.labels[attribute.name]
    counts = {
        split: np.bincount(
            labels[(labels >= 0) & (snapshot.splits == split)], minlength=len(attribute.values)
        ).tolist()
        for split in SPLITS
    }
    shown = [
        (index, value)
        for index, value in enumerate(attribute.values)
        if value.active or (labels == index).any()
    ]
    bars = {value.name: [counts[split][index] for split in SPLITS] for index, value in shown}
    views = {
        (row, part): image_view(attribute.name, value=value.code, split=split)
        for row, (_, value) in enumerate(shown)
        for part, split in enumerate(SPLITS)
    }
    return stacked_chart(f"{attribute.name}: {(labels >= 0).sum():,} labels", SPLITS, bars, views)
