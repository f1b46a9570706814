"""Train a grid of networks and preprocessing modes on one snapshot and collect their metrics in one table."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from trainer.config import FitConfig, Mode
from trainer.data.images import load_view
from trainer.data.snapshot import Snapshot
from trainer.evaluation.full_report import evaluate_fully
from trainer.finetune.run import fit
from trainer.finetune.saved_model import load_model
from trainer.rounds.engines import ask
from trainer.runtime import distributed
from trainer.runtime.errors import TrainerError
from trainer.runtime.files import canonical_json, sha256_text, write_atomically
from trainer.runtime.progress import Progress, Report

TIMED = 16
"""Number of images whose answers are timed, one by one."""


@dataclass(frozen=True)
class Cell:
    """One run of the grid: its name, its settings, and the choices that define it."""

    name: str
    config: FitConfig
    choices: dict[str, Any]


def grid(
    base: dict[str, Any],
    *,
    models: Iterable[str],
    preprocess: Iterable[Mode],
    crops: Iterable[float],
    pretrained: Iterable[bool],
) -> list[Cell]:
    """Return every combination; a network from random weights trains its batch-norm statistics.

    A run is named after its settings, so the same combination is never trained twice in a folder.
    """
    cells = []
    for model, mode, crop, published in product(models, preprocess, crops, pretrained):
        choices = {"network": model, "preprocess": mode, "crop": crop, "pretrained": published}
        settings = {**base, **choices}
        if not published:
            settings["batch_norm"] = "trained"
            settings["frozen_stages"] = max(0, settings.get("frozen_stages", 0))
        config = FitConfig.model_validate(settings)
        name = f"{model.replace(':', '-')}-{sha256_text(canonical_json(config.identity()))[:10]}"
        cells.append(Cell(name, config, choices))
    return cells


def compare(snapshot: Snapshot, cells: list[Cell], to: Path, report: Report) -> list[dict[str, Any]]:
    """Train and measure every cell that is not done yet; return one row per cell, in the order of the grid.

    A cell that fails has an `error` and no metrics; the others continue.
    """
    (to / "runs").mkdir(parents=True, exist_ok=True)
    rows = []
    for number, cell in enumerate(cells, start=1):
        file = to / "runs" / f"{cell.name}.json"
        row = json.loads(file.read_bytes()) if file.exists() else None
        if row is None or row["snapshot"] != snapshot.content_hash or row["error"]:
            prefix = f"{number} of {len(cells)}, {cell.name}: "
            row = _row(snapshot, cell, to, _prefixed(report, prefix))
            write_atomically(file, canonical_json(row).encode())
        rows.append(row)
    return rows


def _prefixed(report: Report, prefix: str) -> Report:
    return lambda progress: report(replace(progress, message=prefix + progress.message))


def _row(snapshot: Snapshot, cell: Cell, to: Path, report: Report) -> dict[str, Any]:
    row: dict[str, Any] = {
        "choices": cell.choices, "error": "", "figures": {}, "run": cell.name, "snapshot": snapshot.content_hash,
    }  # fmt: skip
    started = time.perf_counter()
    try:
        result = fit(snapshot, to / "runs" / cell.name, cell.config, progress=_training(report))
        row["training_seconds"] = round(_training_seconds(to / "runs" / cell.name), 1)
        answers = ask(result.model, snapshot, to / "cache", report)
        evaluation = evaluate_fully(snapshot, answers)
    except TrainerError as failure:
        return {**row, "error": failure.what}
    except RuntimeError as failure:  # from torch: the network does not work with these settings
        return {**row, "error": str(failure).splitlines()[0]}
    saved = load_model(result.model)
    row["parameters"] = sum(p.numel() for p in saved.network.parameters())
    row["megabytes"] = round((result.model / "model.safetensors").stat().st_size / 1e6, 2)
    row["milliseconds_per_image"] = round(_milliseconds(saved.network, snapshot, cell.config), 2)
    row["seconds"] = round(time.perf_counter() - started, 1)
    for name, splits in evaluation.items():
        metrics = splits["test"] if splits["test"]["images"] else splits["val"]
        row["figures"][name] = {
            "accuracy": metrics["suggested"]["accuracy"],
            "accuracy_interval": metrics["suggested"]["accuracy_interval"],
            "balanced_accuracy": metrics["balanced"]["balanced_accuracy"],
            "balanced_accuracy_interval": metrics["balanced"]["balanced_accuracy_interval"],
            "images": metrics["images"],
        }
    return row


def _training(report: Report) -> Callable[[int, int, str], None]:
    return lambda done, total, message: report(Progress("train", done, total, message))


def _training_seconds(run: Path) -> float:
    """Return the sum over the epochs, which does not depend on interruptions."""
    lines = (run / "metrics.csv").read_text().splitlines()
    column = lines[0].split(",").index("seconds")
    return sum(float(line.split(",")[column]) for line in lines[1:])


def _milliseconds(network: Any, snapshot: Snapshot, config: FitConfig) -> float:
    """Return the median time of one answer to one decoded image."""
    import torch  # noqa: PLC0415

    device = distributed.device()
    network.to(device)
    times = []
    for row in range(min(TIMED, len(snapshot))):
        path, landmarks = snapshot.image_path(row), snapshot.landmarks[row]
        image = load_view(path, landmarks, config.input_view, crop=config.crop)[None]
        started = time.perf_counter()
        with torch.inference_mode():
            for answer in network(network.prepare(image.to(device))).values():
                answer.cpu()
        times.append(time.perf_counter() - started)
    return 1000 * float(np.median(times))
