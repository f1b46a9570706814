"""The loop on real faces: import all, label some, `facelabel round` twice.

The first round computes the features of all images, the second finds them cached. The figures per attribute are those
that the round reports (labelled images of held-out people), and beside them the same model measured against the whole
hidden truth: every image, labelled or not, of people of whom the model saw no labelled image while it was trained.
Without the development data, faces are drawn.
"""

import csv
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import select

from annotator.models import Image, Label, Labeller, Round
from annotator.project import ProjectFolder
from annotator.services.schema_editing.changes import read_schema
from annotator.services.tasks.queue import next_tasks
from benchmarks.support.data import CELEBA_SCHEMA, faces
from benchmarks.support.report import Figures, Size

HEAD = 100
"""How many images at the head of the queue are compared with as many at random."""


def measure(size: Size) -> Figures:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images, truth = faces(folder, 200 if size == "small" else None)
        labelled = 1000 if truth.name == "derived.csv" else 80
        project = ProjectFolder(folder / "project")
        schema = ["--schema", CELEBA_SCHEMA] if truth.name == "derived.csv" else []
        facelabel("init", *schema, project=project)
        facelabel("import", images, project=project)
        facelabel("import", first_rows(truth, labelled, folder / "labels.csv"), project=project)
        times = [time_round(project, number) for number in (1, 2)]
        rows = list(csv.DictReader(truth.read_text().splitlines()))
        predictions = project.rounds / "0002" / "run" / "predictions"
        table = pa.ipc.open_file(predictions / "predictions.arrow").read_all()
        return {
            f"seconds of a round, {len(rows)} images, {labelled} labelled": times,
            "figures on people the model never saw": measure_heads(project, predictions, table, rows),
            "mean margin p₁ − p₂ over the unlabelled cells": [measure_queue(project, table)],
        }


def facelabel(*arguments: object, project: ProjectFolder) -> Any:
    command = [sys.executable, "-m", "annotator", *map(str, arguments), "-p", str(project.path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def first_rows(truth: Path, count: int, to: Path) -> Path:
    to.write_text("".join(truth.read_text().splitlines(keepends=True)[: count + 1]))
    return to


def time_round(project: ProjectFolder, number: int) -> dict[str, Any]:
    """Run `facelabel round --strategy margin`, and see in the database how long each stage lasts, to about 20 ms."""
    command = [
        sys.executable,
        "-m",
        "annotator",
        "round",
        "--strategy",
        "margin",
        "--json",
        "-p",
        str(project.path),
    ]
    stages: dict[str, float] = defaultdict(float)
    started = before = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    while process.poll() is None:
        time.sleep(0.02)
        moment = time.perf_counter()
        stages[stage_of(project, number)] += moment - before
        before = moment
    seconds = time.perf_counter() - started
    row = json.loads(process.stdout.read())
    assert row["state"] == "done", row["error"]
    return {"round": number, "seconds": round(seconds, 2)} | {
        stage: round(stages[stage], 2)
        for stage in ("start", "snapshot", "features", "train", "evaluate", "predict", "load", "end")
    }


def stage_of(project: ProjectFolder, number: int) -> str:
    with project.database.read() as session:
        row = session.get(Round, number)
        if row is None or row.stage == "queued":
            return "start"
        return "end" if row.state == "done" else row.stage


def measure_heads(
    project: ProjectFolder, predictions: Path, table: pa.Table, rows: list[dict[str, str]]
) -> list[dict[str, Any]]:
    """The reported figures of each attribute, and those against the hidden truth, each of the same answers.

    Accuracy is that of the most probable class; balanced accuracy and least recall are those of the class-balanced
    answer, which divides the probabilities by the classes' shares.
    """
    manifest = json.loads((predictions / "manifest.json").read_text())
    with project.database.read() as session:
        schema = read_schema(session)
    unseen = rows_of_unseen_people(project, rows)
    place = {name: number for number, name in enumerate(table["image_name"].to_pylist())}
    figures = []
    for entry in manifest["schema"]["attributes"]:
        attribute = schema[entry["name"]]
        reported = manifest["metrics"][attribute.name]["test"]
        header = next(name for name in rows[0] if name in {attribute.name, *attribute.spellings})
        known = [row for row in unseen if row[header] and row["image_name"] in place]
        codes = np.asarray(entry["codes"])
        truth = np.asarray([attribute.code_of(row[header]) for row in known])
        p = np.asarray(table[f"p:{attribute.name}"].to_pylist())[[place[row["image_name"]] for row in known]]
        balanced = codes[(p / np.asarray(entry["prior"])).argmax(axis=1)]
        recall = [float((balanced[truth == code] == code).mean()) for code in np.unique(truth)]
        figures.append(
            {
                "attribute": attribute.name,
                "labelled images": reported["images"],
                "reported balanced": reported["balanced_accuracy"],
                "reported accuracy": reported["accuracy"],
                "reported ece": reported["ece"],
                "hidden images": len(truth),
                "hidden people": len({row["identity"] for row in known}),
                "hidden balanced": round(float(np.mean(recall)), 4) if len(recall) > 1 else None,
                "hidden accuracy": round(float((codes[p.argmax(axis=1)] == truth).mean()), 4),
                "least recall": round(min(recall), 4),
            }
        )
    return figures


def rows_of_unseen_people(project: ProjectFolder, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows of people with no labelled image in the splits that the model was trained and tuned on."""
    with project.database.read() as session:
        labelled = select(Label.image_id).distinct()
        trained_on = set(
            session.scalars(select(Image.name).where(Image.split != "test", Image.id.in_(labelled)))
        )
    seen = {row["identity"] for row in rows if row["image_name"] in trained_on}
    return [row for row in rows if row["identity"] and row["identity"] not in seen]


def measure_queue(project: ProjectFolder, table: pa.Table) -> dict[str, Any]:
    """The margin of the images that a labeller is given first, and of as many drawn from all that are open."""
    scores = dict(zip(table["image_name"].to_pylist(), table["score"].to_pylist(), strict=True))
    with project.database.write() as session:
        me = session.scalars(select(Labeller.id)).first()
        given = next_tasks(project, session, me, count=HEAD, lease_seconds=1)
        blind = set(session.scalars(select(Image.name).where(Image.split == "test")))
    drawn = np.random.default_rng(0).permutation(
        [name for name, score in scores.items() if score is not None]
    )
    names = [task.image_name for task in given]
    return {
        f"first {HEAD} of the queue": margin(scores, names),
        "of them, chosen by doubt": margin(scores, [name for name in names if name not in blind]),
        f"{HEAD} at random": margin(scores, list(drawn[:HEAD])),
    }


def margin(scores: dict[str, float | None], names: list[str]) -> float:
    return round(float(np.mean([1 - scores[name] for name in names if scores[name] is not None])), 4)
