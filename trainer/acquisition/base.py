"""The interface of a query strategy."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.pool import Pool
from trainer.acquisition.uncertainty import Scores

Order = NDArray[np.int64]


class QueryStrategy(Protocol):
    """Scores the cells of a pool and orders its images."""

    needs: frozenset[str]
    """Optional parts of a pool that the strategy uses: `embeddings`, `committee`, `dropout`."""

    def cells(self, pool: Pool) -> dict[str, Scores]:
        """Return attribute → (n,) score of every cell, open or not; higher is more uncertain."""

    def arrange(self, pool: Pool) -> Order:
        """Return the row numbers of all askable images, each once, the first to label first."""
