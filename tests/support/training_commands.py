"""The commands of the trainer, called in this process, or in several forked ones that train or score together.

Forked processes need not load torch, as those of torchrun do.
"""

import os
import signal
import tempfile
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from tests.support.forked import processes
from trainer.cli import main


def call(*arguments):
    """Call the trainer's command; exceptions of the program itself are raised."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def run_together(count: int, target: Callable[..., None], *arguments: Any) -> list[int | None]:
    """Call a function in processes with the environment that torchrun sets; return their exit codes."""
    with tempfile.TemporaryDirectory() as folder:
        group = [
            processes().Process(target=_be_one, args=(number, count, f"{folder}/file", target, arguments))
            for number in range(count)
        ]
        for process in group:
            process.start()
        for process in group:
            process.join()
    return [process.exitcode for process in group]


def _be_one(
    number: int, count: int, rendezvous: str, target: Callable[..., None], arguments: tuple[Any, ...]
) -> None:
    os.environ |= {
        "RANK": str(number),
        "WORLD_SIZE": str(count),
        "GLOO_SOCKET_IFNAME": "lo",
        "FACELABEL_RENDEZVOUS": rendezvous,
    }
    target(*arguments)


def call_together(count: int, *arguments: object, output: Path = Path(os.devnull)) -> None:
    """Call a command of the trainer in several processes."""
    assert run_together(count, command, arguments, output) == [0] * count


def command(arguments: Sequence[object], output: Path = Path(os.devnull)) -> None:
    """Call a command of the trainer; a target of `run_together`."""
    with output.open("a") as stream, redirect_stdout(stream), redirect_stderr(stream):
        main([str(argument) for argument in arguments])


def fit_until_killed(snapshot: Path, to: Path, settings: tuple[str, ...], step: int) -> None:
    """Fine-tune, and kill this process right after a step; a target of `run_together`."""
    from trainer.cli.training import read_settings
    from trainer.data.snapshot import Snapshot
    from trainer.finetune.run import fit
    from trainer.runtime.distributed import process_group

    def kill(done: int, *_: object) -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)

    with process_group():
        fit(Snapshot.open(snapshot), to, read_settings(None, None, settings), progress=kill)
