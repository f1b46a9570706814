"""The same labelling with the project in SQLite's file and in PostgreSQL, in turns: 20 labellers, without and with think time.

A PostgreSQL server with its usual settings runs beside the web server on the same cores and the same disk; both wait for it.
"""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.labelling import make_project, measure_served
from benchmarks.support.report import Figures, Size
from tests.support.database.postgres import running_server

LABELLERS = 20
THINK = 2.0
"""Seconds that a practised labeller takes for an image (docs/lab/measurements.md, "A person's morning")."""


def measure(size: Size) -> Figures:
    """20 labellers, in the order of predictions."""
    images, answers, turns = (1000, 40, 1) if size == "small" else (100_000, 1600, 3)
    rows: list[dict[str, Any]] = []
    thinking: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, running_server(durable=True) as server:
        projects = {
            "SQLite": make_project(Path(folder) / "file", images, predicted=True),
            "PostgreSQL": make_project(
                Path(folder) / "server", images, predicted=True, database=server.create()
            ),
        }
        for turn in range(turns):
            for engine, project in projects.items():
                first = {"database": engine, "turn": turn + 1}
                rows.append(first | measure_served(project, LABELLERS, answers))
                thinking.append(first | measure_served(project, LABELLERS, answers // 4, THINK))
        for project in projects.values():
            project.database.close()
    return {"without think time": rows, f"{THINK:.0f} s an image": thinking}
