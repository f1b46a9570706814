"""A round of the engine cnn that several processes train: queued with a number, cancelled, killed, continued and done."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from annotator.config import Settings
from annotator.errors import FacelabelError
from annotator.models import Round
from annotator.project import ProjectFolder
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.rounds.jobs import cancel_round, start_round
from annotator.services.rounds.shared_training import train_together
from annotator.worker import run_next_round
from tests.support.commands import call
from tests.support.forked import processes
from tests.support.waiting import wait_until


def queue(project: ProjectFolder, count: int | None) -> int:
    with project.database.write() as session:
        return start_round(session, "cnn", "margin", count).id


def round_of(project: ProjectFolder, number: int) -> Round:
    with project.database.read() as session:
        return session.get_one(Round, number)


def trainers() -> list[psutil.Process]:
    """The processes of this one, and of those that it forked, that train."""
    return [child for child in psutil.Process().children(recursive=True) if "trainer" in child.cmdline()]


def test_only_the_engine_cnn_is_trained_by_several_processes(labelled: ProjectFolder):
    call("round", "--processes", "2", "-p", labelled.path).assert_refused(
        1, "The engine probe trains in one process"
    )
    with (
        labelled.database.write() as session,
        pytest.raises(FacelabelError, match="ensemble trains in one process"),
    ):
        start_round(session, "ensemble", "margin", 2)
    assert round_of(labelled, queue(labelled, 3)).processes == 3


def test_a_cancelled_round_ends_its_two_processes(labelled: ProjectFolder):
    number = queue(labelled, None)
    seen: list[psutil.Process] = []

    def cancel(stage: str, *_: object) -> None:
        if stage == "train" and not seen:
            seen.extend(trainers())
            with labelled.database.write() as session:
                cancel_round(session, number)

    assert run_next_round(labelled, Settings(round_processes=2), RoundSnapshots(labelled), cancel)
    assert len(seen) == 2
    assert not any(process.is_running() for process in seen)
    assert round_of(labelled, number).state == "cancelled"
    assert not labelled.round_folder(number).exists()


def test_a_round_says_which_error_its_processes_had(tmp_path: Path, soak: bool):
    if not soak:
        pytest.skip("make soak runs it: two processes load torch")
    arguments = [str(tmp_path / "none"), "--to", str(tmp_path / "run"), "--engine", "cnn"]
    with pytest.raises(FacelabelError, match="none"):
        train_together(tmp_path, arguments, 2, lambda *_: None, {})


def work(path: Path) -> None:
    run_next_round(ProjectFolder.open(path), Settings(), RoundSnapshots(ProjectFolder.open(path)))


@pytest.mark.timeout(900)
def test_a_killed_round_is_continued_by_another_number_of_processes(labelled: ProjectFolder, soak: bool):
    if not soak:
        pytest.skip("make soak runs it: it trains the network of the default preset")
    number = queue(labelled, 2)
    worker = processes().Process(target=work, args=(labelled.path,))
    worker.start()
    last = labelled.round_folder(number) / "run/checkpoints/last.json"
    wait_until(last.exists, "an epoch is done", 300)
    children = trainers()
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    wait_until(lambda: not any(child.is_running() for child in children), "they ended with their worker", 30)
    with labelled.database.write() as session:
        session.get_one(Round, number).processes = 1
    assert run_next_round(labelled, Settings(), RoundSnapshots(labelled))
    row = round_of(labelled, number)
    assert (row.state, row.error, row.attempts) == ("done", None, 2)
