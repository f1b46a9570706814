"""The command `python -m trainer`, also `facelabel trainer`.

Results go to stdout, as JSON with `--json`; progress and errors go to stderr. Exit codes: 0 done, 1 failed, 2 wrong
use. Torch is imported by the commands that need it, so that `--help` is there at once.
"""

from trainer.cli import reporting, rounds, training
from trainer.cli.group import main

__all__ = ["main", "reporting", "rounds", "training"]
