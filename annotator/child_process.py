"""A Python module that runs in a process of its own, can be paused, and never outlives the process that started it."""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PAUSES = sys.platform == "linux"
"""Elsewhere nothing ends a paused process whose parent is gone, so it is not paused."""
_PR_SET_PDEATHSIG = 1


class BoundProcess:
    """`python -m MODULE ARGUMENTS`, with what it and its children print in a file.

    It has a process group of its own: its children are paused with it, and a Ctrl-C in a terminal is left to its parent.
    Linux ends it with the thread that started it, so that is to be one that lasts.
    """

    def __init__(self, module: str, arguments: Sequence[str], log: Path) -> None:
        command = [sys.executable, "-m", __name__, str(os.getpid()), module, *arguments]
        with log.open("wb") as file:
            self._process = subprocess.Popen(command, stdout=file, stderr=file, process_group=0)

    @property
    def running(self) -> bool:
        """Whether it has not ended; a paused one has not."""
        return self._process.poll() is None

    def pause(self) -> None:
        """Let it use no processor until it is resumed."""
        if PAUSES:
            self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        """End it and wait for that."""
        self._signal(signal.SIGTERM)
        self.resume()
        self._process.wait()

    def _signal(self, number: int) -> None:
        if self.running:
            os.killpg(self._process.pid, number)


def _main(parent: int, module: str, *arguments: str) -> None:
    """Be the process: ask the kernel to end it with its parent, which works on a paused one too, and run the module."""
    if PAUSES:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before that
        sys.exit(1)
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(int(sys.argv[1]), *sys.argv[2:])
