"""Acquisition: which images are best labelled next."""

from trainer.acquisition.pool import Pool
from trainer.acquisition.rule import Rule
from trainer.acquisition.rules import DEFAULT, RULES, rule
from trainer.acquisition.work import Work, open_cells, plan_work, pool_of

__all__ = ["DEFAULT", "RULES", "Pool", "Rule", "Work", "open_cells", "plan_work", "pool_of", "rule"]
