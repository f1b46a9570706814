"""The main figures of every attribute and split, for a page and for the terminal."""

from typing import Any

import numpy as np

from trainer.reports.page import share, with_interval

Evaluation = dict[str, dict[str, dict[str, Any]]]
"""Of `trainer.evaluation.full_report.evaluate_fully`."""
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


def main_figures(evaluation: Evaluation) -> list[list[str]]:
    """Return a row of `HEADER` per attribute and split: figures with their 95 % intervals by group.

    The AUROC is the mean over the classes; the calibration error stands beside the band that honest probabilities would have.
    """
    return [
        [name, split, *_row(found)] for name, splits in evaluation.items() for split, found in splits.items()
    ]


def shown_split(splits: dict[str, dict[str, Any]]) -> str:
    """The test split, or val if no test image is labelled."""
    return "test" if splits["test"]["images"] else "val"


def _row(found: dict[str, Any]) -> list[str]:
    balanced, suggested, areas = found["balanced"], found["suggested"], list(found["auroc"].values())
    return [
        f"{found['images']:,}",
        f"{found['groups']:,}",
        with_interval(balanced["balanced_accuracy"], balanced["balanced_accuracy_interval"]),
        with_interval(suggested["accuracy"], suggested["accuracy_interval"]),
        with_interval(balanced["macro_f1"], balanced["macro_f1_interval"]),
        share(float(np.mean(areas)) if areas else None),
        with_interval(found["ece"], found["ece_null"]),
    ]
