"""Processes that kill themselves at a chosen moment: at a file-system event, or by a timer while they compute."""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tests.support.forked import processes
from tests.support.small_run import register_small
from trainer.config import FitConfig
from trainer.data.snapshot import Snapshot
from trainer.finetune.run import fit
from trainer.runtime.tensors import save_checkpoint

FILE_EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.listdir", "os.scandir"}
"""Audit events of Python whose first argument is a path."""


@dataclass
class Moment:
    """The moment when a process dies: after a number of its events, independent of the clock.

    Attributes:
        events: Number of events before that moment.
        microseconds: None: the events are those of the file system in its folder, and it dies before the last one
            happens. Otherwise they are its words of progress, and it dies so long after the last one: while it computes,
            in the middle of a write, between two words.
    """

    events: int
    microseconds: int | None = None

    def passed(self) -> None:
        """Count an event, and die if it was the last."""
        self.events -= 1
        if self.events >= 0:
            return
        if self.microseconds is None:
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.events == -1:
            signal.setitimer(
                signal.ITIMER_REAL, max(1, self.microseconds) / 1e6
            )  # nobody handles it: it kills

    def of_files(self, folder: Path) -> None:
        """Let whatever is opened, renamed, listed or removed in a folder be an event."""

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event in FILE_EVENTS and str(arguments[0]).startswith(str(folder)):
                self.passed()

        sys.addaudithook(hook)


def dies(work: Callable[..., None], *arguments: Any) -> bool:
    """Do work in a separate process; return whether it was killed. Any other failure there is raised here."""
    process = processes().Process(target=work, args=arguments)
    process.start()
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL, -signal.SIGALRM}, process.exitcode
    return process.exitcode != 0


def fit_until(moment: Moment | None, snapshot: Path, to: Path, config: FitConfig) -> None:
    """Fit until a moment, or to the end without one."""
    register_small()
    known, words = Snapshot.open(snapshot), Moment(sys.maxsize)
    if moment is not None and moment.microseconds is None:
        moment.of_files(to)
    elif moment is not None:
        words = replace(moment)
    fit(known, to, config, progress=lambda *_: words.passed())


def save_until(moment: Moment, folder: Path, serial: int) -> None:
    """Replace the checkpoint `last` until a moment."""
    moment.of_files(folder)
    save_checkpoint(folder, "last", serial, {"a": torch.full((3,), float(serial))}, {"epoch": serial})
