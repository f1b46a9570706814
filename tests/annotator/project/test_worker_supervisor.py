"""The server restarts its worker: at once after a long run, after growing pauses while it keeps ending early."""

import os
import sys
from pathlib import Path

import pytest

from annotator.server import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    STEADY_SECONDS,
    WorkerSupervisor,
    restart_pause,
)

ANNOUNCE = "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid()))"
"""A process that says its number and ends. Opening the pipe waits for a reader, as reading waits for the next process."""


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_a_worker_that_ends_is_started_again_until_the_server_stops(pipe: Path):
    pauses = iter([0.0, 0.0, 3600.0])
    asked: list[float] = []

    def pause(previous: float, ran: float) -> float:
        assert ran > 0
        asked.append(previous)
        return next(pauses)

    supervisor = WorkerSupervisor([sys.executable, "-c", ANNOUNCE, str(pipe)], pause)
    supervisor.start()
    workers = [pipe.read_text() for _ in range(3)]
    supervisor.stop()  # it does not wait for the pause of an hour
    assert len(set(workers)) == 3
    assert asked[:2] == [0.0, 0.0]


def test_a_supervisor_that_was_never_started_can_be_stopped(pipe: Path):
    WorkerSupervisor([sys.executable, "-c", ANNOUNCE, str(pipe)]).stop()


@pytest.mark.parametrize(
    ("previous", "ran", "pause"),
    [
        (0.0, 0.1, FIRST_PAUSE_SECONDS),
        (FIRST_PAUSE_SECONDS, 0.1, 2 * FIRST_PAUSE_SECONDS),
        (LONGEST_PAUSE_SECONDS, 0.1, LONGEST_PAUSE_SECONDS),
        (LONGEST_PAUSE_SECONDS, STEADY_SECONDS, 0.0),
        (0.0, STEADY_SECONDS, 0.0),
    ],
)
def test_pauses_grow_while_the_worker_ends_early_and_a_long_run_ends_them(
    previous: float, ran: float, pause: float
):
    assert restart_pause(previous, ran) == pause
