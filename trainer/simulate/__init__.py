"""Oracle replay: buy known labels batch by batch, to measure what a query strategy saves.

`plan` holds the settings, `problem` the labelled images, `oracle` sells labels and records every sale, `replay` runs one
strategy with one seed, `run` runs all of them, `summary` turns the curves into metrics, and `page` draws them.
"""

from trainer.simulate.plan import Plan
from trainer.simulate.run import simulate

__all__ = ["Plan", "simulate"]
