"""A round whose worker or server is killed continues automatically and finishes once."""

import random
import signal
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import psutil
import pytest

from annotator.config import Settings
from annotator.project import ProjectFolder
from annotator.services.common.claims import list_workers
from annotator.services.importing.labels import import_labels
from annotator.services.rounds.jobs import get_round
from annotator.services.rounds.jobs import start_round as start_new_round
from annotator.worker import run_worker
from tests.support.forked import processes
from tests.support.projects.database_checks import assert_sound, select_rows
from tests.support.serving import Client, Server
from tests.support.waiting import wait_until

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

    wait_until(reached, f"the round is at the stage {stage}")


def wait_for_end(client: Client, number: int) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        row = client.get(f"/rounds/{number}")
        return row if row["state"] in {"done", "failed"} else None

    return wait_until(ended, "the round has ended")


def assert_done_once(project: ProjectFolder, client: Client, row: dict[str, Any]) -> None:
    assert (row["state"], row["error"]) == ("done", None)
    assert row["metrics"]["glasses"]
    assert len(client.get("/rounds")["rounds"]) == 1
    assert predicted(project) == [(row["id"], 40)]
    cells = [cell for task in client.next(10)["tasks"] for cell in task["cells"]]
    assert any(cell["suggestion"] for cell in cells), "the predictions are not in use"


def worker_of(server: Server) -> psutil.Process:
    """The worker that a server has started."""
    return next(
        child for child in psutil.Process(server.pid).children(recursive=True) if "worker" in child.cmdline()
    )


def test_a_round_finishes_once_after_its_worker_and_then_its_server_were_killed(
    labelled: ProjectFolder,
) -> None:
    with Server(labelled.path, FACELABEL_WORKER="1") as server:
        client = server.client()
        number = start_round(client)
        wait_for_stage(client, number, "features")
        killed = worker_of(server)
        killed.kill()
        wait_until(lambda: client.get(f"/rounds/{number}")["attempts"] == 2, "another worker is at it")
        assert worker_of(server).pid != killed.pid
        server.stop(signal.SIGKILL)
        server.start()
        client = server.client()
        assert_done_once(labelled, client, wait_for_end(client, number))


def work(path: Path) -> None:
    """A worker that does not give a round up, however often it is killed."""
    settings = Settings(faces=False, round_every=0, round_attempts=10**6)
    run_worker(ProjectFolder.open(path), settings, Event())


@pytest.mark.timeout(3600)
def test_a_worker_killed_repeatedly_finishes_every_round_once_and_never_empties_the_queue(
    labelled: ProjectFolder, soak: bool
) -> None:
    chance = random.Random(0)
    moments = ([*STAGES[2:], "done"] * 17)[: 100 if soak else 10]
    chance.shuffle(moments)
    # The worker is forked from a process that has loaded PyTorch, because loading it takes longer than a round.
    with Server(labelled.path, FACELABEL_LEASE_SECONDS="1") as server:
        client = server.client()
        number = start_round(client)
        for moment in moments:
            worker = processes().Process(target=work, args=(labelled.path,))
            worker.start()
            number = start_round(client)  # the one that is unfinished, or the next
            reach(client, number, moment, chance.randrange(3))
            worker.kill()
            worker.join()
            assert number - 1 <= (newest_predicted(labelled) or 0) <= number, "stale by more than one round"
            # All ten open images may be leased; a lease lasts a second here.
            wait_until(lambda: client.next()["tasks"], "the queue gives an image")
        worker = processes().Process(target=work, args=(labelled.path,))
        worker.start()
        row = wait_for_end(client, number)
        worker.kill()
        worker.join()
        assert (row["state"], row["error"]) == ("done", None)
        rows = client.get("/rounds")["rounds"]
        assert [(row["id"], row["state"]) for row in rows] == [(n, "done") for n in range(number, 0, -1)]
        assert any(row["attempts"] > 1 for row in rows), "no kill met a round"
        assert predicted(labelled) == [(n, 40) for n in range(1, number + 1)]
        wait_until(lambda: client.next()["tasks"], "the queue gives an image")


def share(path: Path) -> None:
    """One of several workers."""
    settings = Settings(faces=False, round_every=0, round_attempts=10**6)
    run_worker(ProjectFolder.open(path), settings, Event(), kinds=("train",))


@pytest.mark.timeout(3600)
def test_a_round_whose_worker_is_killed_goes_on_in_another_worker_and_is_done_once(
    labelled: ProjectFolder, soak: bool
) -> None:
    chance = random.Random(2)

    def start() -> Any:
        worker = processes().Process(target=share, args=(labelled.path,))
        worker.start()
        return worker

    def running(number: int, stage: str) -> str | None:
        """The worker of a round that has got to a stage; "" once it is done."""
        with labelled.database.read() as session:
            row = get_round(session, number)
            assert row.state != "failed", row.error
            if row.state == "done":
                return ""
            has = [w.name for w in list_workers(session) if "train" in [name for name, _ in w.claims]]
            return has[0] if has and STAGES.index(row.stage) >= STAGES.index(stage) else None

    workers = [start(), start()]
    number = 0
    for _ in range(30 if soak else 3):
        with labelled.database.write() as session:
            number = start_new_round(session, "probe", "margin").id
        stage = chance.choice(STAGES[1:])
        look = partial(running, number, stage)
        name = wait_until(lambda look=look: (seen := look()) is not None and (seen or "done"), stage, 240)
        for worker in [w for w in workers if str(name).endswith(f":{w.pid}")]:
            worker.kill()
            worker.join()
            workers.remove(worker)
            workers.append(start())
    wait_until(lambda: running(number, "load") == "", "the last round is done", 240)
    for worker in workers:
        worker.kill()
        worker.join()
    assert predicted(labelled) == [(n, 40) for n in range(1, number + 1)]
    assert sorted(path.name for path in labelled.rounds.iterdir()) == [
        f"{n:04d}" for n in range(1, number + 1)
    ]


def reach(client: Client, number: int, moment: str, more: int) -> None:
    """Wait until a round is at a stage and a few more looks, or is done."""

    def reached() -> bool:
        row = client.get(f"/rounds/{number}")
        assert row["state"] != "failed", row
        if moment == "done" or row["state"] == "done":
            return row["state"] == "done"
        return STAGES.index(row["stage"]) >= STAGES.index(moment)

    wait_until(reached, f"the round has got to {moment}")
    for _ in range(more):
        client.get(f"/rounds/{number}")


def predicted(project: ProjectFolder) -> list[tuple[int, int]]:
    assert_sound(project.database)
    return select_rows(project.database, "SELECT round_id, rows FROM predictions ORDER BY id")


def newest_predicted(project: ProjectFolder) -> int | None:
    found = predicted(project)
    return found[-1][0] if found else None
