"""The tables of a run's report: metrics by class and by subgroup, calibration, settings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.config import FitConfig
from trainer.data.snapshot import Attribute, Snapshot
from trainer.reports.canvas import Chart
from trainer.reports.headline_metrics import Evaluation, shown_split
from trainer.reports.numbers import format_interval, format_metric

Rows = list[list[Any]]


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix of an attribute, the metrics by class, and the names of the other splits' matrices."""

    attribute: str
    chart: str
    rows: Rows
    others: list[str]


@dataclass(frozen=True)
class Calibration:
    """The calibration error of an attribute, and the band that it would have if the probabilities were honest."""

    attribute: str
    error: str
    band: str


@dataclass(frozen=True)
class Subgroups:
    """The metrics of an attribute among the images of every value of every other attribute."""

    attribute: str
    split: str
    rows: Rows


def by_class(
    attribute: Attribute, splits: dict[str, dict[str, Any]], matrices: Mapping[str, Chart]
) -> Confusion:
    """Return precision, recall, F1 and AUROC of every value that the attribute's confusion matrix shows."""
    metrics, name = splits[shown_split(splits)], f"confusion-{attribute.name}"
    balanced, areas = metrics["balanced"], metrics["auroc"]
    rows = [
        [
            value.name,
            *(format_metric(balanced[key].get(str(value.code))) for key in ("precision", "recall", "f1")),
            format_interval(areas.get(str(value.code)), metrics["auroc_interval"].get(str(value.code))),
        ]
        for value in attribute.values
        if value.name in matrices[name].values["names"]
    ]
    return Confusion(attribute.name, name, rows, [f"{name}-{s}" for s in splits if f"{name}-{s}" in matrices])


def calibration(name: str, splits: dict[str, dict[str, Any]]) -> Calibration:
    """Return the expected calibration error of an attribute."""
    metrics = splits[shown_split(splits)]
    band = metrics["ece_null"]
    honest = "" if band is None else f"{band[0]:.3f}–{band[1]:.3f}"
    return Calibration(name, format_metric(metrics["ece"]), honest)


def subgroups(snapshot: Snapshot, evaluation: Evaluation) -> list[Subgroups]:
    """Return both accuracies among the images of every value of every other attribute."""
    names = {
        (attribute.name, str(value.code)): value.name
        for attribute in snapshot.categorical
        for value in attribute.values
    }
    tables = []
    for name, splits in evaluation.items():
        split = shown_split(splits)
        rows = [
            [
                f"{other}: {names[other, code]}",
                metrics["images"],
                format_interval(metrics["balanced_accuracy"], metrics["balanced_accuracy_interval"]),
                format_interval(metrics["accuracy"], metrics["accuracy_interval"]),
            ]
            for other, values in splits[split]["subgroups"].items()
            for code, metrics in values.items()
        ]
        tables.append(Subgroups(name, split, rows))
    return tables


def saved_files(run: Path) -> dict[str, Any]:
    """Return the content of `config.json` and `environment.json` together; nothing if they do not exist."""
    saved: dict[str, Any] = {}
    for name in ("config.json", "environment.json"):
        if (run / name).exists():
            saved |= json.loads((run / name).read_bytes())
    return saved


def unusual_settings(saved: dict[str, Any]) -> Rows | None:
    """Return the settings that differ from the defaults, or None if the run has no settings."""
    if "config" not in saved:
        return None
    defaults = FitConfig().model_dump(mode="json")
    return [[name, value] for name, value in saved["config"].items() if value != defaults.get(name)]


def made_with(saved: dict[str, Any]) -> Rows:
    """Return the machine and the versions of the packages at the last start; empty if they are not known."""
    if "starts" not in saved:
        return []
    last = saved["starts"][-1]
    machine = {key: value for key, value in last.items() if key != "packages"}
    return [list(pair) for pair in (machine | last["packages"]).items()]
