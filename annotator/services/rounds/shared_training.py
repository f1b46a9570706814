"""A round of the engine cnn whose network several processes of this machine train together.

Each process is `trainer round` with the variables that torchrun would set. torchrun itself is not used here: it listens on a
port of all interfaces, and its processes outlive a worker that is killed. These meet through a file and end with the worker.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from annotator.child_process import ChildProcess
from annotator.errors import FacelabelError

POLL_SECONDS = 0.1
LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"
"""The only network interface that the processes use."""

Report = Callable[[str, int, int, str], None]
"""Called with stage, done, total and a message."""


def train_together(
    folder: Path, arguments: list[str], processes: int, report: Report, environment: Mapping[str, str]
) -> None:
    """Run `trainer round` in several processes and wait for them.

    Args:
        folder: the round's folder, which gets their logs.
        arguments: the arguments of the command.
        processes: how many processes; they share the cores, and each takes another CUDA device if there is one.
        report: is told the progress; if it raises, the processes are ended.
        environment: variables that they get besides those of this process.

    Raises:
        FacelabelError: if training fails or a process is killed. Checkpoints are kept.
    """
    progress = folder / "progress.jsonl"
    progress.write_bytes(b"")
    arguments = [*arguments, "--progress", str(progress)]
    with _started(folder, arguments, processes, environment) as group, progress.open() as lines:
        while any(process.running for process in group) and not any(process.status for process in group):
            _pass_on(lines, report)
            time.sleep(POLL_SECONDS)
        _pass_on(lines, report)
        failed = next((number for number, process in enumerate(group) if process.status), None)
        if failed is not None:
            raise FacelabelError(
                "training_failed",
                f"Process {failed} of {processes} ended with status {group[failed].status}.",
                kept="The labels and the checkpoints are unchanged.",
                do=f"Read {_log(folder, failed)}, and start a new round, with fewer processes if memory ran out.",
            )
    for file in (progress, folder / "rendezvous", *(_log(folder, number) for number in range(processes))):
        file.unlink(missing_ok=True)


@contextmanager
def _started(
    folder: Path, arguments: list[str], processes: int, environment: Mapping[str, str]
) -> Iterator[list[ChildProcess]]:
    """Start the processes, and end those that still run at the end."""
    rendezvous = folder / "rendezvous"
    rendezvous.unlink(missing_ok=True)  # of processes that were killed
    shared = {
        **environment,
        "FACELABEL_RENDEZVOUS": str(rendezvous.absolute()),
        "GLOO_SOCKET_IFNAME": LOOPBACK,
        "NCCL_SOCKET_IFNAME": LOOPBACK,
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // processes)),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
    }
    group: list[ChildProcess] = []
    try:
        for number in range(processes):
            own = {"RANK": str(number), "LOCAL_RANK": str(number)}
            group.append(
                ChildProcess("trainer", ["round", *arguments], _log(folder, number), environment=shared | own)
            )
        yield group
    finally:
        for process in group:
            process.end()


def _log(folder: Path, number: int) -> Path:
    return folder / f"training-{number}.log"


def _pass_on(lines: IO[str], report: Report) -> None:
    """Report the newest progress.

    Raises:
        FacelabelError: if a process wrote an error.
    """
    newest: dict[str, Any] = {}
    while line := lines.readline():
        newest = json.loads(line)
        if "what" in newest:
            raise FacelabelError("training_failed", newest["what"], newest["kept"], newest["do"])
    if newest:
        report(newest["stage"], newest["done"], newest["total"], newest["message"])
