"""Run a Python module in a child process that can be paused and never outlives its parent."""

from __future__ import annotations

import ctypes
import fcntl
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

PAUSES = sys.platform == "linux"
"""Whether child processes are paused. Only Linux can end a paused process when its parent is gone."""
_PR_SET_PDEATHSIG = 1


class ChildProcess:
    """A running `python -m MODULE ARGUMENTS`, whose output goes to a log file.

    The process has its own process group: its children are paused with it, and a Ctrl-C in a terminal reaches only its parent.
    Linux ends it together with the thread that started it, so start it from a thread that lasts.

    Args:
        module: the module to run.
        arguments: its command-line arguments.
        log: the file for the output of the process and its children.
        lock: a file on which the process holds a shared lock as long as it lives.
        environment: variables that it gets besides those of its parent.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        log: Path,
        lock: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        command = [sys.executable, "-m", __name__, str(os.getpid()), module, *arguments]
        with ExitStack() as files:
            output = files.enter_context(log.open("wb"))
            kept: tuple[int, ...] = ()
            if lock is not None:
                locked = files.enter_context(lock.open("w"))
                fcntl.flock(locked, fcntl.LOCK_SH)
                kept = (locked.fileno(),)
            self._process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                process_group=0,
                pass_fds=kept,
                env=os.environ | dict(environment or {}),
            )

    @property
    def running(self) -> bool:
        """Whether the process has not ended; a paused process has not."""
        return self._process.poll() is None

    @property
    def status(self) -> int | None:
        """The exit status, negative for a signal; None while the process is running."""
        return self._process.poll()

    def wait(self) -> None:
        """Wait until the process has ended."""
        self._process.wait()

    def pause(self) -> None:
        """Stop the process until it is resumed."""
        if PAUSES:
            self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue the process."""
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        """End the process and wait until it has ended."""
        self._signal(signal.SIGTERM)
        self.resume()
        self._process.wait()

    def _signal(self, number: int) -> None:
        if self.running:
            os.killpg(self._process.pid, number)


class AnsweringProcess:
    """A running `python -m MODULE ARGUMENTS` that answers every line on its standard input with a line.

    Its errors go where those of its parent go. Linux ends it together with the thread that started it; elsewhere it ends when its
    standard input is closed.

    Args:
        module: the module to run.
        arguments: its command-line arguments.
    """

    def __init__(self, module: str, arguments: Sequence[str]) -> None:
        command = [sys.executable, "-m", __name__, str(os.getpid()), module, *arguments]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            process_group=0,
        )

    def ask(self, line: str) -> str:
        """Send a line and wait for the answer.

        Raises:
            EOFError: the process ended instead.
            OSError: the process has ended before.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise EOFError(f"the process ended with status {self._process.wait()}")
        return answer

    def end(self) -> None:
        """End the process and wait until it has ended."""
        with suppress(OSError), self._process:  # a question that it did not read any more cannot be written
            self._process.terminate()


def _main(parent: int, module: str, *arguments: str) -> None:
    """Run in the child process: ask the kernel to end it with its parent, even while it is paused, and run the module."""
    if PAUSES:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent ended before prctl was called
        sys.exit(1)
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(int(sys.argv[1]), *sys.argv[2:])
