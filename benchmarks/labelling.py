"""How long a labeller waits, and how many answers a second are kept, with several clients at once.

The server is a real one on a generated project (rows without files: no image is fetched here). The baseline writes the
same rows to a copy of the database with bare SQL and the same durability (WAL, synchronous=FULL), with as many
processes: what no labelling tool on this disk could beat.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import insert

from annotator.domain.grouping.splits import own_group
from annotator.models import Image, now
from annotator.project import ProjectFolder
from annotator.services.common.progress import recount
from annotator.services.grouping.membership import split_rule
from annotator.services.projects import init_project
from annotator.services.rounds.loading import load_predictions
from annotator.services.schema.active import active_schema
from benchmarks.support.report import Figures, Size, percentiles
from tests.support.predictions_folder import write_predictions
from tests.support.serving import Server

CLIENTS = (1, 4, 8, 16)


def measure(size: Size) -> Figures:
    answers = 64 if size == "small" else 1600
    sizes = [1000] if size == "small" else [10_000, 100_000]
    figures: Figures = {}
    for images in sizes:
        for predicted in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                project = make_project(Path(folder) / "project", images, predicted=predicted)
                title = (
                    f"{images:,} images, {'in the order of predictions' if predicted else 'in random order'}"
                )
                figures[title] = [measure_clients(project, clients, answers) for clients in CLIENTS]
    return figures


def make_project(path: Path, images: int, *, predicted: bool, database: str | None = None) -> ProjectFolder:
    """A project of so many image rows, with predictions if wanted; what the worker does with new images is done.

    `database`: the URL of a PostgreSQL database; without it the project has a file.
    """
    project = init_project(path, database=database)
    with project.database.write() as session:
        rule, required = split_rule(session), len(active_schema(session).required)
        rows = []
        for number in range(images):
            sha256 = hashlib.sha256(str(number).encode()).hexdigest()
            group = own_group(sha256)
            rows.append(
                {
                    "name": f"{number:07d}.jpg", "sha256": sha256, "extension": "jpg", "width": 256, "height": 256,
                    "source": "made", "original_path": f"{number:07d}.jpg", "group": group,
                    "split": rule.split_of(group), "shuffle": int(sha256[:14], 16), "open_cells": required,
                    "created_at": now(), "face_count": 0, "perceptual_hash": int(sha256[:15], 16),
                }
            )  # fmt: skip
        session.execute(insert(Image), rows)
        recount(session)
    if predicted:
        doubts = {row["name"]: [0.4 + row["shuffle"] / 2**57, 0.3, 0.1] for row in rows}
        load_predictions(project, write_predictions(project, project.rounds / "0001" / "predictions", doubts))
    project.database.refresh_statistics()
    project.database.checkpoint()
    project.database.close()
    return project


def measure_clients(project: ProjectFolder, clients: int, answers: int) -> dict[str, Any]:
    """Let some clients give so many answers in all: to the server, and to a copy of the bare database."""
    baseline = project.path / "baseline.db"
    shutil.copyfile(project.database_file, baseline)
    bare, bare_seconds = run_clients("sqlite", baseline, clients, answers // clients)
    for file in project.path.glob("baseline.db*"):
        file.unlink()
    served = measure_served(project, clients, answers)
    committed = percentiles(bare["submit"])
    return {
        **served,
        "bare labels/s": round(len(bare["images"]) / bare_seconds, 1),
        **{f"bare {name} ms": value for name, value in committed.items()},
        "submit p50 / bare": round(served["submit p50 ms"] / committed["p50"], 1),
    }


def measure_served(project: ProjectFolder, clients: int, answers: int, **environment: str) -> dict[str, Any]:
    """Let some clients give so many answers in all to the server.

    Args:
        project: the project.
        clients: how many.
        answers: how many of all of them.
        environment: of the server.
    """
    load = os.getloadavg()[0]
    with Server(project.path, **environment) as server:
        process = psutil.Process(server.pid)
        before = process.cpu_times()
        served, seconds = run_clients("http", server.port, clients, answers // clients)
        after = process.cpu_times()
    # The next copy of the file must hold what the server wrote.
    project.database.checkpoint()
    project.database.close()
    count = len(served["images"])
    cpu = after.user + after.system - before.user - before.system
    return {
        "clients": clients,
        "labels": count,
        "labels/s": round(count / seconds, 1),
        **{f"next {name} ms": value for name, value in percentiles(served["next"]).items()},
        **{f"submit {name} ms": value for name, value in percentiles(served["submit"]).items()},
        "server cpu ms/label": round(1000 * cpu / count, 2),
        "given twice": count - len(set(served["images"])),
        "load before": round(load, 1),
    }


def run_clients(kind: str, target: object, clients: int, answers: int) -> tuple[dict[str, list[Any]], float]:
    """Start client processes, let them begin together, and gather what they measured, with the seconds in all."""
    processes = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.support.client", kind, str(target)),
                *(str(number), str(answers)),
            ],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(clients)
    ]
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n", "a client could not begin"
        started = time.perf_counter()
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        measured = [json.loads(process.stdout.readline() or "null") for process in processes]
        seconds = time.perf_counter() - started
        assert None not in measured, "a client failed; what it met stands above"
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    return {name: [value for one in measured for value in one[name]] for name in measured[0]}, seconds
