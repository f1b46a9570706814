"""What rounds take of the disk, whole and pruned, and whether the curves stay the same.

10,000 images: real rounds of the engine probe, on made-up features. A million: predictions in the real format with made-up
answers, because the features alone would take 16 GB. The snapshots are real ones of rounds: their images.csv is one file for
all rounds as long as no image is added.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from annotator.config import Settings
from annotator.models import Round, now
from annotator.project import ProjectFolder
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.rounds.jobs import start_round
from annotator.services.rounds.loading import load_predictions
from annotator.services.rounds.metrics import measure_rounds
from annotator.services.rounds.pruning import prune_rounds
from annotator.services.schema.active import active_schema
from annotator.worker import run_next_round
from benchmarks.rounds_latency import make_up_features
from benchmarks.support.million import make_large_project
from benchmarks.support.report import Figures, Size
from trainer.data.snapshot import Snapshot
from trainer.evaluation.outputs import Answers
from trainer.rounds.round import write_answers

ROUNDS, KEPT = 6, 3
REAL = {"small": 2_000, "normal": 10_000, "full": 10_000}
MADE_UP = {"small": 20_000, "normal": 1_000_000, "full": 1_000_000}


def measure(size: Size) -> Figures:
    rows = []
    for images, real in ((REAL[size], True), (MADE_UP[size], False)):
        with tempfile.TemporaryDirectory() as name:
            project = make_large_project(Path(name) / "project", images, labelled=min(0.2, 5000 / images))
            if real:
                make_up_features(project)
            rows.append({"images": images, "rounds": "real" if real else "made up"} | prune(project, real))
            project.database.close()
    return {f"MB of {ROUNDS} rounds, of which {KEPT} stay whole": rows}


def prune(project: ProjectFolder, real: bool) -> dict[str, Any]:
    """Run rounds, prune the old ones, and compare the curves of before and after."""
    snapshots = RoundSnapshots(project)
    for number in range(1, ROUNDS + 1):
        run_round(project, snapshots) if real else make_up_round(project, snapshots, number)
    before = on_disk(project.rounds)
    parts = {
        number: (own(project.round_folder(number)), own(project.round_folder(number) / "run" / "predictions"))
        for number in range(1, ROUNDS + 1)
    }
    curves = read_curves(project)
    started = time.perf_counter()
    pruned = prune_rounds(project, KEPT)
    seconds = time.perf_counter() - started
    number = pruned[0].id
    whole, predictions = parts[number]
    assert read_curves(project) == curves
    return {
        "all, before": megabytes(before),
        "after": megabytes(on_disk(project.rounds)),
        "a whole round": megabytes(whole),
        "of it predictions": megabytes(predictions),
        "a pruned round": megabytes(on_disk(project.round_folder(number))),
        "pruned": len(pruned),
        "seconds for one": round(seconds / len(pruned), 2),
    }


def run_round(project: ProjectFolder, snapshots: RoundSnapshots) -> None:
    with project.database.write() as session:
        start_round(session, "probe", "margin")
    assert run_next_round(project, Settings(), snapshots)


def make_up_round(project: ProjectFolder, snapshots: RoundSnapshots, number: int) -> None:
    """Add a round whose probabilities are random."""
    with project.database.write() as session:
        row = start_round(session, "probe", "margin")
    folder = project.round_folder(row.id)
    manifest = snapshots.write(folder / "snapshot")
    snapshot = Snapshot.open(folder / "snapshot")
    random = np.random.default_rng(number)
    sizes = {attribute.name: len(attribute.codes) for attribute in snapshot.categorical}
    answers = Answers(
        {n: random.dirichlet(np.ones(k), len(snapshot)).astype(np.float32) for n, k in sizes.items()},
        {n: np.full(k, 1 / k) for n, k in sizes.items()},
        dict.fromkeys(sizes, 0),
        {"backbone": "none", "engine": "probe", "name": "made up", "weights_sha256": "0" * 64},
        {},
    )
    write_answers(snapshot, answers, folder / "run" / "predictions", "margin", 0, lambda _: None)
    load_predictions(project, folder / "run" / "predictions", row.id, all_known=True)
    with project.database.write() as session:
        done = session.get_one(Round, row.id)
        done.state, done.finished_at, done.labelled = "done", now(), manifest["counts"]["labelled"]


def read_curves(project: ProjectFolder) -> list[Any]:
    with project.database.read() as session:
        rounds = measure_rounds(project, session, active_schema(session)).rounds
    return [(r.id, r.labels, {n: (m.value, m.low, m.high) for n, m in r.measured.items()}) for r in rounds]


def on_disk(folder: Path) -> int:
    """The bytes that a folder takes; a file with several names counts once."""
    states = {state.st_ino: state for path in folder.rglob("*") if (state := path.stat()) and path.is_file()}
    return sum(state.st_blocks * 512 for state in states.values())


def own(folder: Path) -> int:
    """The bytes that a round takes, without files that it shares with other rounds."""
    states = [path.stat() for path in folder.rglob("*") if path.is_file()]
    return sum(state.st_blocks * 512 for state in states if state.st_nlink == 1)


def megabytes(size: int) -> float:
    return round(size / 1e6, 1)
