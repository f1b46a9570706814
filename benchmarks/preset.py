"""The default preset on real faces: `trainer fit` with 1,000 labelled images (benchmarks/preset_all.py: with all of them).

The test people are a third of all, drawn so that every value is there in its share (the best of 3,000 draws; the labels
of the images decide, no model). They were set aside before the preset was made: whatever was tried for it was measured
on the other people (docs/lab/experiments.md). Three seeds draw the labelled images, the val people, and what is random in
training. Without the development data, and with --small, faces are drawn and the figures mean nothing.
"""

import csv
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.support.data import CELEBA
from benchmarks.support.lesson_data import VALUES, YES_NO, Split, export, linked, make_project, photos
from benchmarks.support.report import Figures, Size
from trainer.config import FitConfig
from trainer.data.snapshot import UNLABELLED, Snapshot
from trainer.evaluation.calibration import balanced_logits
from trainer.evaluation.class_metrics import confusion_by_group, describe
from trainer.finetune.run import fit
from trainer.finetune.saved_model import load_model, predict_logits
from trainer.presets import preset

ASKED = VALUES | {"bags_under_eyes": YES_NO}
SHARE, DRAWS = 0.3, 3000
VAL = 0.15


def measure(size: Size) -> Figures:
    count = 60 if size == "small" else 1000
    return {f"preset default, {count:,} labelled images": trained(size, count)}


def trained(size: Size, count: int | None) -> list[dict[str, Any]]:
    """Train with so many labelled images, None: with all, by every seed, and measure: a row per seed and attribute, and their means."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        snapshot = faces_of_people(folder, small=size == "small")
        test = people_set_aside(snapshot)
        settings = {"epochs": 1, "image_size": 96} if size == "small" else {}
        rows = [
            row
            for seed in range(1 if size == "small" else 3)
            for row in run(snapshot, test, count, folder / f"run-{seed}", {"seed": seed} | settings)
        ]
        return [*rows, *means(rows)]


def faces_of_people(folder: Path, *, small: bool) -> Path:
    """A snapshot of all faces with all their labels, a group per person."""
    known = photos(folder, drawn=160 if small else None)
    answers = {photo.file.name: photo.answers | {"identity": photo.person} for photo in known}
    asked: dict[str, Any] = dict(VALUES)
    if not small and CELEBA.is_dir():
        asked = ASKED
        with (CELEBA / "derived.csv").open(newline="") as stream:
            for row in csv.DictReader(stream):
                if row["bags_under_eyes"]:
                    answers[row["image_name"]]["bags_under_eyes"] = row["bags_under_eyes"]
    project = make_project(folder / "made", [linked(known, folder / "faces")], asked, answers, Split())
    return export(project, folder / "snapshot")


def people_set_aside(folder: Path) -> NDArray[np.str_]:
    """The groups to test on: of some draws the one with every value in its share, in images and in people."""
    snapshot = Snapshot.open(folder)
    people, of_image = np.unique(snapshot.groups, return_inverse=True)
    shares = []
    for labels in snapshot.labels.values():
        for code in range(labels.max() + 1):
            images = np.bincount(of_image[labels == code], minlength=len(people)).astype(float)
            if images.any():
                shares += [images / images.sum(), (images > 0) / (images > 0).sum()]
    draws = [np.random.default_rng(seed).random(len(people)) < SHARE for seed in range(DRAWS)]
    apart = [float(np.square(np.array(shares) @ drawn - SHARE).sum()) for drawn in draws]
    chosen: NDArray[np.str_] = people[draws[int(np.argmin(apart))]]
    return chosen


def labelled_part(folder: Path, test: NDArray[np.str_], count: int | None, seed: int) -> Snapshot:
    """The snapshot with so many labelled images of other people than those of the test, some of them for validation."""
    snapshot = Snapshot.open(folder)
    random = np.random.default_rng(500 + seed)
    people, of_image = np.unique(snapshot.groups, return_inverse=True)
    aside = np.isin(snapshot.groups, test)
    validated = (random.random(len(people)) < VAL)[of_image]
    splits = np.where(aside, "test", np.where(validated, "val", "train"))
    labelled = aside.copy()
    labelled[random.permutation(np.flatnonzero(~aside))[:count]] = True
    labels = {name: np.where(labelled, column, UNLABELLED) for name, column in snapshot.labels.items()}
    return replace(snapshot, splits=splits, labels=labels)


def run(
    folder: Path, test: NDArray[np.str_], count: int | None, to: Path, settings: dict[str, Any]
) -> list[dict[str, Any]]:
    """Train and measure: a row per attribute."""
    snapshot = labelled_part(folder, test, count, settings["seed"])
    config = FitConfig.model_validate(preset("default") | settings)
    started, used = time.perf_counter(), processor_time()
    result = fit(snapshot, to, config, progress=lambda *_: None)
    minutes = (time.perf_counter() - started) / 60
    processor = (processor_time() - used) / 60
    rows = np.flatnonzero(snapshot.splits == "test")
    model = load_model(result.model)
    found = []
    for name, logits in predict_logits(result.model, snapshot, rows, lambda *_: None).items():
        known = snapshot.labels[name][rows] >= 0
        prior = np.asarray(model.calibration[name]["prior"])
        answer = balanced_logits(logits, prior, config).argmax(axis=1)[known]
        labels, groups = snapshot.labels[name][rows][known], snapshot.groups[rows][known]
        confusion = confusion_by_group(answer, labels, groups, logits.shape[1])
        figures = describe(confusion, model.codes[name])
        low, high = figures["balanced_accuracy_interval"] or (None, None)
        found.append(
            {
                "seed": settings["seed"],
                "attribute": name,
                "balanced accuracy": figures["balanced_accuracy"],
                "from": low,
                "to": high,
                "test images": int(known.sum()),
                "epoch": result.epoch,
                "minutes": round(minutes, 1),
                "processor minutes": round(processor, 1),
            }
        )
    return found


def means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The mean over the seeds, per attribute."""
    found = []
    for name in dict.fromkeys(row["attribute"] for row in rows):
        own = [row["balanced accuracy"] for row in rows if row["attribute"] == name]
        known = [value for value in own if value is not None]
        mean = round(float(np.mean(known)), 4) if known else None
        blank = dict.fromkeys(rows[0], "")
        found.append(blank | {"seed": "mean", "attribute": name, "balanced accuracy": mean})
    return found


def processor_time() -> float:
    """Seconds of processor time of this process and of those it has waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
