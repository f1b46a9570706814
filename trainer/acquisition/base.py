"""What an acquisition rule is."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.pool import Pool
from trainer.acquisition.uncertainty import Scores

Order = NDArray[np.int64]


class Rule(Protocol):
    """How doubt is measured and images are arranged."""

    needs: frozenset[str]
    """What of a pool, beside probabilities, it looks at: `points`, `committee`."""

    def cells(self, pool: Pool) -> dict[str, Scores]:
        """Attribute → (n,) score of every cell, open or not; higher is more doubtful."""

    def arrange(self, pool: Pool) -> Order:
        """Every image that may be asked, once, the first to ask first."""
