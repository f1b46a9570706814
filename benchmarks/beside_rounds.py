"""What a labeller waits while rounds run without a pause, beside the same without a worker, in turns.

One client labels without think time; a worker of its own, as under `facelabel serve`, begins the next round as soon as
one is done. The features are made up and in the cache, see rounds_latency.
"""

import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from annotator.models import Round
from annotator.project import ProjectFolder
from benchmarks.labelling import run_clients
from benchmarks.rounds_latency import LABELLED, make_up_features, time_round, worker
from benchmarks.support.million import make_large_project
from benchmarks.support.report import Figures, Size, percentiles
from tests.support.serving import Server

POOLS = {"small": (2000,), "normal": (10_000, 100_000), "full": (10_000, 100_000)}
TURNS = {"small": 1, "normal": 5, "full": 10}
ANSWERS = 200


def measure(size: Size) -> Figures:
    rows = []
    for images in POOLS[size]:
        with tempfile.TemporaryDirectory() as name:
            project = make_large_project(Path(name) / "project", images, labelled=LABELLED / images)
            make_up_features(project)
            rows += [{"images": images} | row for row in measure_turns(project, TURNS[size])]
            project.database.close()
    return {f"one client, {ANSWERS} answers a turn": rows}


def measure_turns(project: ProjectFolder, turns: int) -> list[dict[str, Any]]:
    waits: dict[str, dict[str, list[float]]] = {
        kind: {"next": [], "submit": []} for kind in ("alone", "beside rounds")
    }
    rounds = 0

    def label(kind: str) -> None:
        with Server(project.path) as server:
            measured, _ = run_clients("http", server.port, 1, ANSWERS)
        for name in waits[kind]:
            waits[kind][name] += measured[name]

    with worker(project):
        time_round(project)  # PyTorch is loaded, and there is an order by doubt
    for _ in range(turns):
        label("alone")
        with worker(project):
            time_round(project)
            before = newest_round(project)
            label("beside rounds")
            rounds += newest_round(project) - before
    return [row(kind, of_kind, waits["alone"], rounds) for kind, of_kind in waits.items()]


def newest_round(project: ProjectFolder) -> int:
    with project.database.read() as session:
        return session.scalar(select(func.max(Round.id))) or 0


def row(
    kind: str, waits: dict[str, list[float]], alone: dict[str, list[float]], rounds: int
) -> dict[str, Any]:
    def share(name: str, part: str) -> float:
        return round(percentiles(waits[name])[part] / percentiles(alone[name])[part], 2)

    return {
        "": kind,
        "rounds begun": rounds if waits is not alone else 0,
        **{f"next {name} ms": value for name, value in percentiles(waits["next"]).items()},
        **{f"submit {name} ms": value for name, value in percentiles(waits["submit"]).items()},
        **{f"{name} {part} / alone": share(name, part) for name in waits for part in ("p50", "p95")},
    }
