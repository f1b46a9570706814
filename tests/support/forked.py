"""Processes that start quickly, because they are forked from one that has already imported PyTorch and the product."""

import multiprocessing
import os
import sys
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import IO

LOADED = [
    "annotator.server",
    "annotator.cli",
    "annotator.imaging.image_store",
    "annotator.worker",
    "trainer.rounds.round",
    "trainer.rounds.engines",
    "trainer.finetune.run",
    "trainer.cli",
    "tests.support.projects.accounts",
]
"""Modules that take seconds to import and that tests use in such a process; the last one makes log-ins cheap."""


_OURS: set[int] = set()
"""The id of the process that all others are forked from, once it runs."""


def processes() -> ForkServerContext:
    """Return the context that forks them; from then on, the product forks its processes in this context too."""
    context = multiprocessing.get_context("forkserver")
    server = forkserver._forkserver  # type: ignore[attr-defined]
    if server._forkserver_pid not in _OURS:
        if server._forkserver_pid is not None:
            server._stop()  # the product's own: it has loaded less
        context.set_forkserver_preload(LOADED)
        server.ensure_running()
        _OURS.add(server._forkserver_pid)
    return context


class Command:
    """`facelabel` with arguments in a separate process, whose output can be read line by line."""

    def __init__(self, arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
        reader, writer = multiprocessing.Pipe(duplex=False)
        with reader, writer, Connection(os.dup(2), readable=False) as errors:
            self._process: ForkServerProcess = processes().Process(
                target=_call, args=(arguments, folder, environment, writer, errors)
            )
            self._process.start()
            self.stdout: IO[str] = os.fdopen(os.dup(reader.fileno()), encoding="utf-8")
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def send_signal(self, number: int) -> None:
        """Send a signal to it, if it has not ended."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def wait(self, seconds: float | None = None) -> int:
        """Wait for its end and return its exit code."""
        self._process.join(seconds)
        assert self._process.exitcode is not None, f"it has not ended after {seconds} seconds"
        return self._process.exitcode


def _call(
    arguments: list[str], folder: Path, environment: dict[str, str], out: Connection, errors: Connection
) -> None:
    """Be the command: what a process that Python was started in would have."""
    for connection, number in ((out, 1), (errors, 2)):
        os.dup2(connection.fileno(), number)
        connection.close()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["facelabel", *arguments]
    from annotator.cli import main

    main(arguments, prog_name="facelabel")
