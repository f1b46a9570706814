"""Oracle replay: labels that are known already are bought one batch after the other, to see what a rule saves.

`plan` says what is run, `problem` what is known, `oracle` sells labels and writes every sale down, `replay` runs one
rule with one seed, `run` all of them, `summary` turns the curves into figures, `page` into a page.
"""

from trainer.simulate.plan import Plan
from trainer.simulate.run import simulate

__all__ = ["Plan", "simulate"]
