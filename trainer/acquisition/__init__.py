"""Acquisition: which images are best labelled next."""

from trainer.acquisition.pool import Pool
from trainer.acquisition.rules import RULES, Rule, rule
from trainer.acquisition.work import Work, interleave, open_cells, plan_work, pool_of

__all__ = ["RULES", "Pool", "Rule", "Work", "interleave", "open_cells", "plan_work", "pool_of", "rule"]
