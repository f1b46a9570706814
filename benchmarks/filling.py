"""How long a certificate takes to fill its cells and to open them again, and what a labeller waits meanwhile.

The cells of one required attribute are candidates whose sample has passed, in a project of image rows without files. The
worker's thread fills them; then the certificate is undone. One client labels without think time, alone and beside both.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from threading import Event, Thread
from typing import Any

from sqlalchemy import select, text

from annotator.domain.certificates.target import Allowance, Target
from annotator.domain.states import CertificateState
from annotator.models import Certificate, CertificateCell, Predictions, now
from annotator.project import ProjectFolder
from annotator.services.certificates.batches import CertificateWork
from annotator.services.certificates.undo import undo_certificate
from annotator.services.schema.active import active_schema
from annotator.work.threads import ANSWERS_SECONDS
from benchmarks.beside_rounds import row
from benchmarks.labelling import run_clients
from benchmarks.support.million import make_large_project
from benchmarks.support.report import Figures, Size
from tests.support.serving import Server
from tests.support.waiting import wait_until

CELLS = {"small": (2000,), "normal": (100_000, 1_000_000), "full": (100_000, 1_000_000)}
ANSWERS = {"small": 20, "normal": 300, "full": 1000}
LABELLED = 0.1
LONGEST_SECONDS = 1800
"""After so long the worker's thread has failed."""
KINDS = ("alone", "beside filling", "beside undoing")


def measure(size: Size) -> Figures:
    seconds: list[dict[str, Any]] = []
    waits: list[dict[str, Any]] = []
    for cells in CELLS[size]:
        with tempfile.TemporaryDirectory() as name:
            images = round((cells + 10 * ANSWERS[size]) / (1 - LABELLED))
            project = make_large_project(Path(name) / "project", images, labelled=LABELLED)
            seconds.append(measure_alone(project, cells))
            waits += [{"cells": cells} | each for each in measure_beside(project, cells, ANSWERS[size])]
            project.database.close()
    return {"seconds, nobody labels": seconds, f"one client, {ANSWERS[size]} answers a turn": waits}


def measure_alone(project: ProjectFolder, cells: int) -> dict[str, Any]:
    number = add_candidates(project, cells)
    with working(project):
        at_work = time.process_time()
        filling = until(project, number, CertificateState.FILLED)
        filled = time.process_time()
        started = time.perf_counter()
        end(project, number)
        ended = time.perf_counter() - started
        wait(lambda: not has_cells(project), "all cells are open again")
        undone = time.perf_counter() - started
        opened = time.process_time()
    return {
        "cells": cells,
        "fill": round(filling, 1),
        "fill, processor": round(filled - at_work, 1),
        "none counts": round(ended, 3),
        "all open again": round(undone, 2),
        "all open again, processor": round(opened - filled, 2),
    }


def measure_beside(project: ProjectFolder, cells: int, answers: int) -> list[dict[str, Any]]:
    waits: dict[str, dict[str, list[float]]] = {}
    with Server(project.path) as server:

        def label(kind: str) -> None:
            measured, _ = run_clients("http", server.port, 1, answers)
            waits[kind] = {name: measured[name] for name in ("next", "submit")}

        label("warm")
        label("alone")
        number = add_candidates(project, cells)
        with working(project):
            label("beside filling")
            until(project, number, CertificateState.FILLED)
            end(project, number)
            label("beside undoing")
    return [row(kind, waits[kind], waits["alone"], 0) for kind in KINDS]


@contextmanager
def working(project: ProjectFolder) -> Iterator[None]:
    """The worker's thread for certificates."""
    ended, work = Event(), CertificateWork(project)

    def run() -> None:
        while not ended.wait(ANSWERS_SECONDS):
            work.run_step(ended)

    thread = Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def until(project: ProjectFolder, number: int, state: CertificateState) -> float:
    """Wait until a certificate is in a state; return the seconds."""
    started = time.perf_counter()

    def reached() -> bool:
        with project.database.read() as session:
            return session.get_one(Certificate, number).state == state

    wait(reached, f"the certificate is {state}")
    return time.perf_counter() - started


def wait(reached: Callable[[], bool], what: str) -> None:
    """Wait for the thread beside this one, which needs the processor."""
    wait_until(reached, what, LONGEST_SECONDS, pause=0.05)


def has_cells(project: ProjectFolder) -> bool:
    with project.database.read() as session:
        return session.scalar(select(CertificateCell.image_id).limit(1)) is not None


def end(project: ProjectFolder, number: int) -> None:
    with project.database.write() as session:
        undo_certificate(session, number, 1)


def add_candidates(project: ProjectFolder, cells: int) -> int:
    """A certificate that has passed, and its candidates: the last images of the project."""
    with project.database.write() as session:
        if session.get(Predictions, 1) is None:
            session.add(
                Predictions(
                    id=1,
                    path="none",
                    content_hash="",
                    schema_hash="",
                    rows=0,
                    unknown=0,
                    cursor=0,
                    loaded_at=now(),
                )
            )
            session.flush()
        draw = {
            "codes": [0, 1],
            "labelled_counts": [0, 0],
            "allowance": asdict(Allowance()),
            "images": cells,
            "population": [[cells, 0]],
            "sampled": [[0, 0]],
        }
        row = Certificate(
            key=now().isoformat(), attribute_id=active_schema(session).ids["wrinkles"], state=CertificateState.FILLING,
            attempt=1, predictions_id=1, schema_hash="", target=Target(error=1, recall=None).to_json(), plan={"draw": draw}, outcome={"level": 1}, labeller_id=1, created_at=now(), drawn_at=now(),
        )  # fmt: skip
        session.add(row)
        session.flush()
        chosen = text(
            "INSERT INTO certificate_cells SELECT :number, id, 1, 0, 0.99 FROM images "
            "WHERE open_cells > 0 ORDER BY id DESC LIMIT :cells"
        )
        session.execute(chosen, {"number": row.id, "cells": cells})
        return row.id
