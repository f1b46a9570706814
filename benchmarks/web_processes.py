"""Twenty labellers without think time: one web process beside two, with the database in SQLite and in PostgreSQL.

All of it runs in turns on the same machine, the database's server and the labellers included. SQLite and PostgreSQL both wait for
the disk at each answer. The projects are generated: rows without files, no image is fetched here.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.labelling import make_project, run_clients
from benchmarks.support.report import Figures, Size, percentiles
from tests.support.database.postgres import PostgresServer, running_server
from tests.support.serving import Server

CLIENTS = 20
ENGINES = ("SQLite", "PostgreSQL")
PROCESSES = (1, 2)
Figure = dict[str, float]


def measure(size: Size) -> Figures:
    """Let the clients answer in each way, several times in turns; the figures are medians of the turns."""
    answers, turns = {"small": (10, 1), "normal": (100, 3), "full": (400, 5)}[size]
    measured: dict[tuple[str, int], list[Figure]] = defaultdict(list)
    with running_server(durable=True) as postgres:
        for _ in range(turns):
            for engine in ENGINES:
                for processes in PROCESSES:
                    measured[engine, processes].append(measure_one(postgres, engine, processes, answers))
    return {f"{CLIENTS} clients": [summed_up(*way, figures) for way, figures in measured.items()]}


def measure_one(postgres: PostgresServer, engine: str, processes: int, answers: int) -> Figure:
    """Let each client give so many answers to a new project, of which half of the images stay open."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = postgres.create_with_tables() if engine == "PostgreSQL" else None
        if database is not None:
            stack.callback(postgres.drop, database)
        project = make_project(folder / "project", 2 * CLIENTS * answers, predicted=False, database=database)
        project.database.close()
        server = stack.enter_context(Server(project.path, bare=True, FACELABEL_PROCESSES=str(processes)))
        before = cpu_seconds(server.pid)
        served, seconds = run_clients("http", server.port, CLIENTS, answers)
        cpu = cpu_seconds(server.pid) - before
    images = served["images"]
    assert len(images) == len(set(images)), "an image was given twice"
    return {
        "labels/s": len(images) / seconds,
        "server cpu ms/label": 1000 * cpu / len(images),
        **{f"{name} {key} ms": value for name in ("next", "submit") for key, value in percentiles(served[name]).items()},
    }  # fmt: skip


def cpu_seconds(pid: int) -> float:
    """What a server and its processes have computed, without PostgreSQL's server."""
    server = psutil.Process(pid)
    times = [process.cpu_times() for process in (server, *server.children(recursive=True))]
    return sum(time.user + time.system for time in times)


def summed_up(engine: str, processes: int, figures: list[Figure]) -> dict[str, Any]:
    """One row of the table."""
    medians = {name: round(median(figure[name] for figure in figures), 1) for name in figures[0]}
    return {"database": engine, "web processes": processes, "turns": len(figures), **medians}
