"""The command `python -m trainer`, also `facelabel trainer`.

Results go to stdout, with `--json` as JSON; progress and errors go to stderr. Exit codes: 0 done, 1 failed, 2 wrong
usage. Torch is imported only by the commands that need it, so `--help` appears at once.
"""

from trainer.cli import reporting, rounds, training
from trainer.cli.group import main

__all__ = ["main", "reporting", "rounds", "training"]
