"""The metrics that matter most, of every attribute and split, for a page and for the terminal."""

from typing import Any

import numpy as np

from trainer.reports.numbers import format_interval, format_metric

Evaluation = dict[str, dict[str, dict[str, Any]]]
"""What `trainer.evaluation.full_report.evaluate_fully` returns."""
HEADER = [
    "attribute",
    "split",
    "images",
    "groups",
    "balanced accuracy",
    "accuracy",
    "macro F1",
    "AUROC",
    "ECE (honest)",
]


def headline_metrics(evaluation: Evaluation) -> list[list[str]]:
    """Return a row of `HEADER` per attribute and split: metrics with their 95 % intervals by group.

    The AUROC is the mean over the classes. Beside the calibration error stands the band that honest probabilities would have.
    """
    return [
        [name, split, *_row(metrics)]
        for name, splits in evaluation.items()
        for split, metrics in splits.items()
    ]


def shown_split(splits: dict[str, dict[str, Any]]) -> str:
    """Return the test split, or val if no test image is labelled."""
    return "test" if splits["test"]["images"] else "val"


def _row(metrics: dict[str, Any]) -> list[str]:
    balanced, suggested, areas = metrics["balanced"], metrics["suggested"], list(metrics["auroc"].values())
    return [
        f"{metrics['images']:,}",
        f"{metrics['groups']:,}",
        format_interval(balanced["balanced_accuracy"], balanced["balanced_accuracy_interval"]),
        format_interval(suggested["accuracy"], suggested["accuracy_interval"]),
        format_interval(balanced["macro_f1"], balanced["macro_f1_interval"]),
        format_metric(float(np.mean(areas)) if areas else None),
        format_interval(metrics["ece"], metrics["ece_null"]),
    ]
