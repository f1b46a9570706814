"""Query strategies: in which order images are best labelled. A new one is a small class with a line in `STRATEGIES`.

Every strategy scores cells, so that a page can show the uncertain ones, and orders images. The strategies that look for
diversity order the first `HEAD` images and leave the others in the order of their margins, because nobody labels more
than that before the next round.
"""

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.balanced import Balanced
from trainer.acquisition.base import Order, QueryStrategy
from trainer.acquisition.by_uncertainty import ByUncertainty, HeadFirst, embeddings_of, unmet
from trainer.acquisition.direct import Direct
from trainer.acquisition.diversity import farthest_first, spread_by_weight, typical
from trainer.acquisition.drop_query import Centroids, DropQuery
from trainer.acquisition.fill import Fill
from trainer.acquisition.mixing import ColdStart, RareClasses
from trainer.acquisition.pool import Pool
from trainer.acquisition.tailor import Tailor
from trainer.acquisition.uncertainty import Scores, disagreement, entropy, least_confidence, margin
from trainer.runtime.errors import ChoiceError

DEFAULT = "balanced"
NOTHING: frozenset[str] = frozenset()
EMBEDDINGS, COMMITTEE = frozenset(["embeddings"]), frozenset(["committee"])


class Random:
    """The baseline that every other strategy has to beat."""

    needs = NOTHING

    def cells(self, pool: Pool) -> dict[str, Scores]:
        """Return a random number for every cell."""
        generator = pool.generator()
        return {name: generator.random(len(p)) for name, p in pool.probabilities.items()}

    def arrange(self, pool: Pool) -> Order:
        """Order images at random."""
        return pool.generator().permutation(pool.askable)


class Committee(ByUncertainty):
    """BALD: asks where several models disagree, and not where all of them are uncertain."""

    needs = COMMITTEE

    def __init__(self) -> None:
        super().__init__(margin)

    def cells(self, pool: Pool) -> dict[str, Scores]:
        """Return the mutual information of answer and committee member.

        Raises:
            ChoiceError: There is only one model.
        """
        if pool.committee is None:
            raise unmet("bald", "several models")
        return {name: disagreement(answers) for name, answers in pool.committee.items()}


class KCenter(HeadFirst):
    """Repeatedly asks for the image farthest from all labelled and chosen ones (Sener and Savarese, ICLR 2018)."""

    needs = EMBEDDINGS

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """Choose by distance alone."""
        embeddings = embeddings_of(pool, "k_center")
        return candidates[farthest_first(embeddings[candidates], embeddings[pool.labelled], count)]


class Badge(HeadFirst):
    """Asks for images whose answers would change the model most, and in different ways (Ash et al., ICLR 2020).

    The gradient of the last layer at the model's own answer is (p − onehot) ⊗ embedding. k-means++ chooses among the
    gradients of all open cells. Norms and inner products of such products factorise, so the gradients are never
    computed.
    """

    needs = EMBEDDINGS

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """Choose by k-means++ seeding on squared distances of gradients."""
        embeddings, rows = embeddings_of(pool, "badge")[candidates], candidates
        slopes = [_slope(p[rows]) * pool.cells[name][rows, None] for name, p in pool.probabilities.items()]
        return rows[spread_by_weight(embeddings, np.concatenate(slopes, axis=1), count, pool.generator())]


class Typical(HeadFirst):
    """Asks for the most typical image of each cluster (Hacohen et al., "TypiClust", ICML 2022): for the first batch."""

    needs = EMBEDDINGS

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """Choose by density alone."""
        embeddings = embeddings_of(pool, "typical")
        return candidates[typical(embeddings[candidates], count, pool.generator())]


def _slope(p: NDArray[np.float32]) -> NDArray[np.float32]:
    slope = p.copy()
    slope[np.arange(len(p)), p.argmax(axis=1)] -= 1
    return slope


STRATEGIES: dict[str, QueryStrategy] = {
    DEFAULT: Balanced(),
    "margin": ByUncertainty(margin),
    "entropy": ByUncertainty(entropy),
    "least_confidence": ByUncertainty(least_confidence),
    "random": Random(),
    "bald": Committee(),
    "k_center": KCenter(),
    "badge": Badge(),
    "typical": Typical(),
    "rare_classes": RareClasses(ByUncertainty(margin)),
    "cold_start": ColdStart(Typical(), ByUncertainty(margin)),
    "direct": Direct(),
    "tailor": Tailor({"balanced": Balanced(), "margin": ByUncertainty(margin), "badge": Badge()}),
    "drop_query": ColdStart(Centroids(), DropQuery()),
    "fill": Fill(),
}


def query_strategy(name: str) -> QueryStrategy:
    """Return the query strategy of that name.

    Raises:
        ChoiceError: There is none.
    """
    if name not in STRATEGIES:
        raise ChoiceError(
            f"There is no strategy called {name!r}.",
            "Nothing was changed.",
            f"Choose one of: {', '.join(STRATEGIES)}.",
        )
    return STRATEGIES[name]
