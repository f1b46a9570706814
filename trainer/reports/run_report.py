"""The report of a training run: one HTML page, and its charts as PNG and JSON for papers and other programs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.snapshot import Snapshot
from trainer.evaluation.noise_ceiling import noise_ceilings
from trainer.evaluation.outputs import Answers
from trainer.finetune.lr_finder import RateTest
from trainer.reports.canvas import Chart
from trainer.reports.galleries import Chosen, galleries, gallery_rows, hard_cases, hard_rows
from trainer.reports.headline_metrics import HEADER, Evaluation, headline_metrics, shown_split
from trainer.reports.noise_ceiling import HEADER as CEILINGS
from trainer.reports.noise_ceiling import ceiling_rows
from trainer.reports.rate_curve import rate_chart
from trainer.reports.render import render
from trainer.reports.run_charts import confusion, label_counts, read_history, reliability, training_curves
from trainer.reports.run_tables import (
    by_class,
    calibration,
    made_with,
    saved_files,
    subgroups,
    unusual_settings,
)
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
        run: The run folder (`config.json`, `metrics.csv`), or a model folder: its report has no training curves.
        snapshot: The snapshot that was measured on.
        answers: Of `trainer.rounds.engines.ask`.
        evaluation: Of `trainer.evaluation.full_report.evaluate_fully`.
        to: The folder; it is created if it does not exist.
        rates: The learning-rate test that the rates were chosen by.
    """
    (to / "figures").mkdir(parents=True, exist_ok=True)
    run = run / "network" if (run / "network").is_dir() else run  # an ensemble's curves are its network's
    write_atomically(to / "evaluation.json", canonical_json(evaluation).encode())
    charts = _charts(run, snapshot, evaluation, rates)
    hard, chosen = hard_rows(snapshot, answers), gallery_rows(snapshot, answers)
    for name, chart in [pair for group in charts.values() for pair in group.items()]:
        write_atomically(to / "figures" / f"{name}.png", chart.png())
        write_atomically(to / "figures" / f"{name}.json", canonical_json(chart.values).encode())
    write_atomically(to / "figures" / "faces.json", canonical_json(_names(snapshot, hard, chosen)).encode())
    saved = saved_files(run)
    html = render(
        "run.html.j2",
        model=answers.model["name"],
        images=len(snapshot),
        snapshot=snapshot.content_hash[:12],
        charts=charts,
        metrics=_metrics(evaluation),
        ceilings=_ceilings(snapshot),
        confusions=[
            by_class(attribute, evaluation[attribute.name], charts["confusion"])
            for attribute in snapshot.categorical
            if f"confusion-{attribute.name}" in charts["confusion"]
        ],
        calibrations=[calibration(name, splits) for name, splits in evaluation.items()],
        hard_cases=hard_cases(snapshot, answers, hard),
        galleries=galleries(snapshot, answers, chosen),
        subgroups=subgroups(snapshot, evaluation),
        settings=unusual_settings(saved),
        made_with=made_with(saved),
        everything=canonical_json({"model": answers.model, **saved}),
    )
    write_atomically(to / "report.html", html.encode())


def _charts(
    run: Path, snapshot: Snapshot, evaluation: Evaluation, rates: RateTest | None
) -> dict[str, dict[str, Chart]]:
    """Section of the page → name of the file → chart."""
    history = read_history(run / "metrics.csv")
    training = training_curves(history, list(evaluation)) if history else {}
    if rates is not None:
        training["learning-rate-test"] = rate_chart(rates)
    matrices = {}
    for attribute in snapshot.categorical:
        splits = evaluation.get(attribute.name, {})
        for split, metrics in splits.items():
            if metrics["images"]:
                ending = "" if split == shown_split(splits) else f"-{split}"
                matrices[f"confusion-{attribute.name}{ending}"] = confusion(attribute, metrics, split)
    return {
        "training": training,
        "confusion": matrices,
        "reliability": {f"reliability-{name}": reliability(name, s) for name, s in evaluation.items()},
        "labels": {f"labels-{a.name}": label_counts(a, snapshot) for a in snapshot.categorical},
    }


def _metrics(evaluation: Evaluation) -> dict[str, Any]:
    """The headline metrics: those of the test split (or val) first, and those of the other splits."""
    rows = headline_metrics(evaluation)
    first = [row for row in rows if row[1] == shown_split(evaluation[row[0]])]
    return {"header": HEADER, "first": first, "others": [row for row in rows if row not in first]}


def _ceilings(snapshot: Snapshot) -> dict[str, Any] | None:
    """The table of what a perfect model could score on these labels; None if nothing is known of their noise."""
    ceilings = noise_ceilings(snapshot)
    rows = [row for row in ceiling_rows(snapshot, ceilings) if row[0] in ceilings]
    return {"header": CEILINGS, "rows": rows} if rows else None


def _names(snapshot: Snapshot, hard: NDArray[np.intp], chosen: Mapping[str, Chosen]) -> dict[str, Any]:
    """The names of the images that are shown."""
    return {
        "galleries": {
            name: {key: [snapshot.image_names[row] for row in rows] for key, rows in keys.items()}
            for name, keys in chosen.items()
        },
        "hard cases": [snapshot.image_names[row] for row in hard],
    }
