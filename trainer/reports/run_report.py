"""The report of a training run: one HTML page, and its figures as PNG and JSON for papers and other programs."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.config import FitConfig
from trainer.data.snapshot import Attribute, Snapshot
from trainer.evaluation.outputs import Answers
from trainer.finetune.lr_finder import RateTest
from trainer.reports.charts import Chart
from trainer.reports.galleries import Chosen, galleries, gallery_rows, hard_cases, hard_rows
from trainer.reports.main_figures import HEADER, Evaluation, main_figures, shown_split
from trainer.reports.page import figure, page, share, table, text, with_interval
from trainer.reports.rate_curve import rate_chart
from trainer.reports.run_charts import confusion, curves, distribution, read_history, reliability
from trainer.runtime.files import canonical_json, write_atomically


def write_report(
    run: Path,
    snapshot: Snapshot,
    answers: Answers,
    evaluation: Evaluation,
    to: Path,
    rates: RateTest | None = None,
) -> None:
    """Write `report.html`, `evaluation.json`, and `figures/NAME.png` and `.json` for every chart, into a folder.

    `figures/faces.json` names the images of the galleries.

    Args:
        run: The run folder (`config.json`, `metrics.csv`), or a model folder: then there are no curves.
        snapshot: That the figures were measured on.
        answers: Of `trainer.rounds.engines.ask`.
        evaluation: Of `trainer.evaluation.full_report.evaluate_fully`.
        to: Is made if need be.
        rates: The learning-rate test that the rates were chosen by.
    """
    (to / "figures").mkdir(parents=True, exist_ok=True)
    run = run / "network" if (run / "network").is_dir() else run  # an ensemble's curves are its network's
    write_atomically(to / "evaluation.json", canonical_json(evaluation).encode())
    measured = [attribute for attribute in snapshot.categorical if attribute.name in evaluation]
    history = read_history(run / "metrics.csv")
    training = curves(history, list(evaluation)) if history else {}
    if rates is not None:
        training["learning-rate-test"] = rate_chart(rates)
    matrices = {
        f"confusion-{a.name}{'' if split == shown_split(evaluation[a.name]) else f'-{split}'}": confusion(
            a, found, split
        )
        for a in measured
        for split, found in evaluation[a.name].items()
        if found["images"]
    }
    diagrams = {f"reliability-{name}": reliability(name, splits) for name, splits in evaluation.items()}
    counts = {f"labels-{a.name}": distribution(a, snapshot) for a in snapshot.categorical}
    for name, chart in {**training, **matrices, **diagrams, **counts}.items():
        write_atomically(to / "figures" / f"{name}.png", chart.png())
        write_atomically(to / "figures" / f"{name}.json", canonical_json(chart.values).encode())
    hard, chosen = hard_rows(snapshot, answers), gallery_rows(snapshot, answers)
    write_atomically(to / "figures" / "faces.json", canonical_json(_names(snapshot, hard, chosen)).encode())
    sections = [("Figures", figures_tables(evaluation))]
    if training:
        sections.append(("Training", _in_row(figure(chart.html) for chart in training.values())))
    sections += [
        ("Confusion", "".join(_confusion(a, evaluation[a.name], matrices) for a in measured)),
        ("Calibration", _in_row(_calibration(name, evaluation[name], diagrams) for name in evaluation)),
        ("Hard cases", hard_cases(snapshot, answers, hard)),
        ("Faces", galleries(snapshot, answers, chosen)),
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


def _names(snapshot: Snapshot, hard: NDArray[np.intp], chosen: Mapping[str, Chosen]) -> dict[str, Any]:
    """The names of the images that are shown."""
    return {
        "galleries": {
            name: {title: [snapshot.image_names[row] for row in rows] for title, rows in titles.items()}
            for name, titles in chosen.items()
        },
        "hard cases": [snapshot.image_names[row] for row in hard],
    }


def _in_row(figures: Iterable[str]) -> str:
    return f'<div class="row">{"".join(figures)}</div>'


def figures_tables(evaluation: Evaluation) -> str:
    """The main figures of every attribute: of the test split (or val), and folded up those of the other splits."""
    rows = main_figures(evaluation)
    first = [row for row in rows if row[1] == shown_split(evaluation[row[0]])]
    others = [row for row in rows if row not in first]
    return (
        f"{table(HEADER, first)}<details><summary>The other splits</summary>{table(HEADER, others)}</details>"
    )


def _confusion(attribute: Attribute, splits: dict[str, dict[str, Any]], matrices: Mapping[str, Chart]) -> str:
    """The confusion matrix of an attribute, the figures by class beside it, and folded up the other splits' matrices."""
    found, name = splits[shown_split(splits)], f"confusion-{attribute.name}"
    if name not in matrices:
        return ""
    figures, areas = found["balanced"], found["auroc"]
    rows = [
        [
            value.name,
            *(share(figures[key].get(str(value.code))) for key in ("precision", "recall", "f1")),
            with_interval(areas.get(str(value.code)), found["auroc_interval"].get(str(value.code))),
        ]
        for value in attribute.values
        if value.name in matrices[name].values["names"]
    ]
    by_class = table(["value", "precision", "recall", "F1", "AUROC"], rows)
    others = [figure(chart.html) for key, chart in matrices.items() if key in {f"{name}-{s}" for s in splits}]
    folded = (
        f"<details><summary>{text(attribute.name)}, the other splits</summary>{_in_row(others)}</details>"
    )
    return _in_row([figure(matrices[name].html), by_class]) + (folded if others else "")


def _calibration(name: str, splits: dict[str, dict[str, Any]], diagrams: Mapping[str, Chart]) -> str:
    """The reliability diagram of an attribute, and below it the error that honest probabilities would have."""
    found = splits[shown_split(splits)]
    band = found["ece_null"]
    honest = "" if band is None else f"; honest probabilities would give {band[0]:.3f}–{band[1]:.3f}"
    caption = f"expected calibration error {share(found['ece'])}{honest}; bars: how many images"
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
                with_interval(found["balanced_accuracy"], found["balanced_accuracy_interval"]),
                with_interval(found["accuracy"], found["accuracy_interval"]),
            ]
            for other, values in splits[split]["subgroups"].items()
            for code, found in values.items()
        ]
        body = table(["among", "images", "balanced accuracy", "accuracy"], rows)
        parts.append(f"<details><summary>{text(name)}, {split} split</summary>{body}</details>")
    return "".join(parts)


def settings(run: Path, answers: Answers) -> str:
    """What differs from the plain settings, what the run was made with, and folded up everything."""
    files = (run / "config.json", run / "environment.json")
    known, made = (json.loads(file.read_bytes()) if file.exists() else {} for file in files)
    parts = []
    if "config" in known:
        plain = FitConfig().model_dump(mode="json")
        changed = [[name, value] for name, value in known["config"].items() if value != plain.get(name)]
        parts.append(table(["setting", "value"], changed or [["all as they are without a preset", ""]]))
    if "starts" in made:
        last = made["starts"][-1]
        shown = {key: value for key, value in last.items() if key != "packages"} | last["packages"]
        parts.append(table(["made with", ""], shown.items()))
    everything = canonical_json({"model": answers.model, **known, **made})
    return f"{_in_row(parts)}<details><summary>Everything, as it is kept</summary><pre>{text(everything)}</pre></details>"
