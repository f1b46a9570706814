"""A round whose worker, or whose server, is killed goes on by itself and ends done, once."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from annotator.project import ProjectFolder
from annotator.services.label_import import import_labels
from tests.loop.waiting import wait_until
from tests.serving import Client, Server

STAGES = ("queued", "snapshot", "features", "train", "evaluate", "predict", "load")
"""In the order in which a round reports them."""


@pytest.fixture
def labelled(filled: ProjectFolder, faces: Path) -> ProjectFolder:
    """Forty drawn faces, thirty of them labelled."""
    lines = (faces / "answers.csv").read_text().splitlines(keepends=True)
    table = filled.path / "labels.csv"
    table.write_text("".join(lines[:31]))
    import_labels(filled, table)
    filled.database.close()
    return filled


def start_round(client: Client) -> int:
    answer = client.post("/rounds", {"engine": "probe", "strategy": "margin"})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def wait_for_stage(client: Client, number: int, stage: str) -> None:
    def reached() -> bool:
        row = client.get(f"/rounds/{number}")
        assert row["state"] in {"queued", "running"}, row
        return STAGES.index(row["stage"]) >= STAGES.index(stage)

    wait_until(reached, f"the round is at the stage {stage}", 120)


def wait_for_end(client: Client, number: int) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        row = client.get(f"/rounds/{number}")
        return row if row["state"] in {"done", "failed"} else None

    return wait_until(ended, "the round has ended", 200)


def assert_done_once(project: ProjectFolder, client: Client, row: dict[str, Any]) -> None:
    assert (row["state"], row["error"]) == ("done", None)
    assert row["metrics"]["glasses"]
    assert len(client.get("/rounds")["rounds"]) == 1
    with closing(sqlite3.connect(project.database_file)) as database:
        assert database.execute("SELECT round_id, rows FROM predictions").fetchall() == [(row["id"], 40)]
    cells = [cell for task in client.next(10)["tasks"] for cell in task["cells"]]
    assert any(cell["suggestion"] for cell in cells), "the predictions are not in use"


def worker_of(server: Server) -> psutil.Process:
    """The worker that a server has started."""
    return next(
        child for child in psutil.Process(server.pid).children(recursive=True) if "worker" in child.cmdline()
    )


@pytest.mark.parametrize("stage", ["snapshot", "features", "train"])
def test_a_round_whose_worker_is_killed_ends_done_once(
    labelled: ProjectFolder, stage: str, soak: bool
) -> None:
    if stage != "features" and not soak:
        pytest.skip("only in full numbers: FACELABEL_SOAK=1")
    with Server(labelled.path, FACELABEL_WORKER="1") as server:
        client = server.client()
        number = start_round(client)
        wait_for_stage(client, number, stage)
        killed = worker_of(server)
        killed.kill()
        row = wait_for_end(client, number)
        assert row["attempts"] == 2
        assert worker_of(server).pid != killed.pid
        assert_done_once(labelled, client, row)


@pytest.mark.soak
def test_a_round_whose_server_is_killed_ends_done_once(labelled: ProjectFolder) -> None:
    with Server(labelled.path, FACELABEL_WORKER="1") as server:
        client = server.client()
        number = start_round(client)
        wait_for_stage(client, number, "features")
        server.stop(signal.SIGKILL)
        server.start()
        client = server.client()
        assert_done_once(labelled, client, wait_for_end(client, number))
