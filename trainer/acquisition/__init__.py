"""Acquisition: which images are best labelled next."""

from trainer.acquisition.base import Rule
from trainer.acquisition.pool import Pool
from trainer.acquisition.ranking import Work, open_cells, plan_work, pool_of
from trainer.acquisition.strategies import DEFAULT, RULES, rule

__all__ = ["DEFAULT", "RULES", "Pool", "Rule", "Work", "open_cells", "plan_work", "pool_of", "rule"]
