"""Acquisition: the order in which images are best labelled."""

from trainer.acquisition.base import QueryStrategy
from trainer.acquisition.pool import Pool
from trainer.acquisition.ranking import Ranking, open_cells, pool_of, rank_images
from trainer.acquisition.strategies import DEFAULT, STRATEGIES, query_strategy

__all__ = [
    "DEFAULT",
    "STRATEGIES",
    "Pool",
    "QueryStrategy",
    "Ranking",
    "open_cells",
    "pool_of",
    "query_strategy",
    "rank_images",
]
