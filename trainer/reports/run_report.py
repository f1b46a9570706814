"""The report of a training run: one HTML page, and its figures as PNG and JSON for papers and other programs."""

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trainer.answers import Answers
from trainer.files import canonical_json, write_atomically
from trainer.reports import charts
from trainer.reports.charts import Axis, Chart
from trainer.reports.galleries import galleries
from trainer.reports.main_figures import HEADER, Evaluation, main_figures
from trainer.reports.page import figure, page, share, table, text
from trainer.snapshot import Attribute, Snapshot


def write_report(run: Path, snapshot: Snapshot, answers: Answers, evaluation: Evaluation, to: Path) -> None:
    """Write `report.html`, `evaluation.json`, and `figures/NAME.png` and `.json` for every chart, into a folder.

    Args:
        run: The run folder (`config.json`, `metrics.csv`), or a model folder: then there are no curves.
        snapshot: That the figures were measured on.
        answers: Of `trainer.engines.ask`.
        evaluation: Of `trainer.full_evaluation.evaluate_fully`.
        to: Is made if need be.
    """
    (to / "figures").mkdir(parents=True, exist_ok=True)
    write_atomically(to / "evaluation.json", canonical_json(evaluation).encode())
    measured = [attribute for attribute in snapshot.categorical if attribute.name in evaluation]
    history = read_history(run / "metrics.csv")
    training = curves(history, list(evaluation)) if history else {}
    matrices = {f"confusion-{a.name}": confusion(a, evaluation[a.name]) for a in measured}
    diagrams = {f"reliability-{name}": reliability(name, splits) for name, splits in evaluation.items()}
    counts = {f"labels-{a.name}": distribution(a, snapshot) for a in snapshot.categorical}
    for name, chart in {**training, **matrices, **diagrams, **counts}.items():
        write_atomically(to / "figures" / f"{name}.png", chart.png())
        write_atomically(to / "figures" / f"{name}.json", canonical_json(chart.values).encode())
    sections = [("Figures", table(HEADER, main_figures(evaluation)))]
    if training:
        sections.append(("Training", _in_row(figure(chart.html) for chart in training.values())))
    sections += [
        ("Confusion", "".join(_confusion(a, evaluation[a.name], matrices) for a in measured)),
        ("Calibration", _in_row(_calibration(name, evaluation[name], diagrams) for name in evaluation)),
        ("Faces", galleries(snapshot, answers)),
        ("Subgroups", subgroups(snapshot, evaluation)),
        ("Dataset", _in_row(figure(chart.html) for chart in counts.values())),
        ("Settings", settings(run, answers)),
    ]
    lead = (
        f'<p class="dim">{text(answers.model["name"])} on {len(snapshot):,} images, snapshot '
        f"{text(snapshot.content_hash[:12])}. Intervals are 95 % intervals that take whole groups as the unit. "
        "The charts are beside this page in <code>figures</code>, as PNG and JSON.</p>"
    )
    write_atomically(to / "report.html", page("Training report", sections, lead=lead).encode())


def _in_row(figures: Iterable[str]) -> str:
    return f'<div class="row">{"".join(figures)}</div>'


def read_history(file: Path) -> list[dict[str, float | None]]:
    """Return the rows of a metrics.csv; none if there is none."""
    if not file.exists():
        return []
    with file.open(newline="") as stream:
        rows = csv.DictReader(stream)
        return [{name: float(value) if value else None for name, value in row.items()} for row in rows]


def curves(history: list[dict[str, float | None]], attributes: list[str]) -> dict[str, Chart]:
    """Loss, learning rate and the accuracies of every attribute over the epochs."""
    x = Axis("epoch", 1, max(2, len(history)))

    def line(column: str) -> list[tuple[float, float]]:
        found = [(row["epoch"], row.get(column)) for row in history]
        return [(epoch, value) for epoch, value in found if epoch is not None and value is not None]

    def chart(title: str, columns: dict[str, str], y_title: str, ceiling: float | None = None) -> Chart:
        lines = {name: line(column) for name, column in columns.items() if line(column)}
        values = [value for points in lines.values() for _, value in points]
        low = max(0.0, min(values, default=0.0) - 0.02) if ceiling else 0.0
        y = Axis(y_title, *charts.spread(values, floor=low, ceiling=ceiling))
        return charts.line_chart(title, lines, x, y)

    drawn = {
        "loss": chart("Loss", {"train": "loss", "val": "val_loss"}, "loss"),
        "learning-rate": chart("Learning rate", {"backbone": "learning_rate"}, "rate"),
    }
    for name in attributes:
        columns = {
            "train accuracy": f"train_accuracy:{name}",
            "val accuracy": f"val_accuracy:{name}",
            "val balanced accuracy": f"val_balanced_accuracy:{name}",
        }
        drawn[f"accuracy-{name}"] = chart(name, columns, "share", 1.0)
    return drawn


def confusion(attribute: Attribute, splits: dict[str, dict[str, Any]]) -> Chart:
    """The confusion matrix of an attribute on the test split or, without it, on val."""
    split = shown_split(splits)
    names = [value.name for value in attribute.values]
    counts = splits[split]["balanced"]["confusion"]
    return charts.matrix_chart(f"{attribute.name}, {split} split", names, counts)


def _confusion(attribute: Attribute, splits: dict[str, dict[str, Any]], matrices: Mapping[str, Chart]) -> str:
    """The confusion matrix of an attribute, and the figures by class beside it."""
    found = splits[shown_split(splits)]["balanced"]
    rows = [
        [value.name, *(share(found[key].get(str(value.code))) for key in ("precision", "recall", "f1"))]
        for value in attribute.values
    ]
    by_class = table(["value", "precision", "recall", "F1"], rows)
    return _in_row([figure(matrices[f"confusion-{attribute.name}"].html), by_class])


def shown_split(splits: dict[str, dict[str, Any]]) -> str:
    """The test split, or val if no test image is labelled."""
    return "test" if splits["test"]["images"] else "val"


def reliability(name: str, splits: dict[str, dict[str, Any]]) -> Chart:
    """The reliability diagram of an attribute on the test split or, without it, on val."""
    found = splits[shown_split(splits)]
    points = [(bin_["confidence"], bin_["right"]) for bin_ in found["reliability"]]
    ends = Axis("confidence", 0, 1), Axis("share of right answers", 0, 1)
    return charts.line_chart(name, {"measured": points} if points else {}, *ends, diagonal=True)


def _calibration(name: str, splits: dict[str, dict[str, Any]], diagrams: Mapping[str, Chart]) -> str:
    """The reliability diagram of an attribute, and below it the error that honest probabilities would have."""
    found = splits[shown_split(splits)]
    band = found["ece_null"]
    honest = "" if band is None else f"; honest probabilities would give {band[0]:.3f}–{band[1]:.3f}"
    caption = f"expected calibration error {share(found['ece'])}{honest}"
    return figure(diagrams[f"reliability-{name}"].html, caption)


def subgroups(snapshot: Snapshot, evaluation: Evaluation) -> str:
    """Balanced accuracy among the images of every value of every other attribute."""
    known = {
        a.name: dict(zip(map(str, a.codes), [v.name for v in a.values], strict=True))
        for a in snapshot.categorical
    }
    parts = []
    for name, splits in evaluation.items():
        split = shown_split(splits)
        rows = [
            [
                f"{other}: {known[other][code]}",
                found["images"],
                share(found["balanced_accuracy"]),
                share(found["accuracy"]),
            ]
            for other, values in splits[split]["subgroups"].items()
            for code, found in values.items()
        ]
        body = table(["among", "images", "balanced accuracy", "accuracy"], rows)
        parts.append(f"<details><summary>{text(name)}, {split} split</summary>{body}</details>")
    return "".join(parts)


def distribution(attribute: Attribute, snapshot: Snapshot) -> Chart:
    """How often every value of an attribute was given."""
    labels = snapshot.labels[attribute.name]
    counts = np.bincount(labels[labels >= 0], minlength=len(attribute.values))
    bars = {value.name: float(n) for value, n in zip(attribute.values, counts, strict=True)}
    most = max(2.0, float(counts.max(initial=0)))
    return charts.bar_chart(f"{attribute.name}: {counts.sum():,} labels", bars, most=most)


def settings(run: Path, answers: Answers) -> str:
    """The settings of the run and what the model is."""
    file = run / "config.json"
    known = json.loads(file.read_bytes()) if file.exists() else {}
    return f"<pre>{text(canonical_json({'model': answers.model, **known}))}</pre>"
