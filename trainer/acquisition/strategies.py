"""Query strategies: in which order images are best labelled. A new one is a small class with a line in `STRATEGIES`.

Every strategy scores cells, so that a page can show the uncertain ones, and orders images. The strategies that look for
diversity order the first `HEAD` images and leave the others in the order of their margins, because nobody labels more
than that before the next round.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.balanced import Balanced
from trainer.acquisition.base import Order, QueryStrategy
from trainer.acquisition.diversity import farthest_first, spread_by_weight, typical
from trainer.acquisition.group_constraint import HEAD
from trainer.acquisition.mixing import ColdStart, RareClasses
from trainer.acquisition.pool import Pool
from trainer.acquisition.uncertainty import Scores, disagreement, entropy, least_confidence, margin
from trainer.runtime.errors import ChoiceError

CANDIDATES = 20_000
"""Images among which diversity is sought: a random sample of a larger pool, which bounds the time."""
DEFAULT = "balanced"
NOTHING: frozenset[str] = frozenset()
EMBEDDINGS, COMMITTEE = frozenset(["embeddings"]), frozenset(["committee"])


class ByUncertainty:
    """Orders images by the mean uncertainty of their open cells, the most uncertain first; ties in the order of names.

    Args:
        uncertainty: (n, classes) probabilities → (n,) scores.
    """

    needs = NOTHING

    def __init__(self, uncertainty: Callable[[NDArray[np.float32]], Scores]) -> None:
        self._uncertainty = uncertainty

    def cells(self, pool: Pool) -> dict[str, Scores]:
        """Return the uncertainty of every cell."""
        return {name: self._uncertainty(p) for name, p in pool.probabilities.items()}

    def arrange(self, pool: Pool) -> Order:
        """Order images by falling mean uncertainty."""
        return falling(pool, pool.mean_over_cells(self.cells(pool)))


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
            raise _needs("bald", "several models")
        return {name: disagreement(answers) for name, answers in pool.committee.items()}


class Diverse(ByUncertainty):
    """Base of the strategies that choose a diverse head; the other images follow by margin."""

    needs = EMBEDDINGS

    def __init__(self) -> None:
        super().__init__(margin)

    def arrange(self, pool: Pool) -> Order:
        """Order the head by diversity and the rest by falling mean margin."""
        by_margin = super().arrange(pool)
        if not len(by_margin):
            return by_margin
        candidates = pool.askable
        if len(candidates) > CANDIDATES:
            candidates = np.sort(pool.generator().permutation(candidates)[:CANDIDATES])
        head = self.choose(pool, candidates, min(HEAD, len(candidates)))
        return np.concatenate([head, by_margin[~np.isin(by_margin, head)]])

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """Return `count` of the candidates, the first to label first."""
        raise NotImplementedError


class KCenter(Diverse):
    """Repeatedly asks for the image farthest from all labelled and chosen ones (Sener and Savarese, ICLR 2018)."""

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """Choose by distance alone."""
        embeddings = _embeddings(pool, "k_center")
        return candidates[farthest_first(embeddings[candidates], embeddings[pool.labelled], count)]


class Badge(Diverse):
    """Asks for images whose answers would change the model most, and in different ways (Ash et al., ICLR 2020).

    The gradient of the last layer at the model's own answer is (p − onehot) ⊗ embedding. k-means++ chooses among the
    gradients of all open cells. Norms and inner products of such products factorise, so the gradients are never
    computed.
    """

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """Choose by k-means++ seeding on squared distances of gradients."""
        embeddings, rows = _embeddings(pool, "badge")[candidates], candidates
        slopes = [_slope(p[rows]) * pool.cells[name][rows, None] for name, p in pool.probabilities.items()]
        return rows[spread_by_weight(embeddings, np.concatenate(slopes, axis=1), count, pool.generator())]


class Typical(Diverse):
    """Asks for the most typical image of each cluster (Hacohen et al., "TypiClust", ICML 2022): for the first batch."""

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """Choose by density alone."""
        embeddings = _embeddings(pool, "typical")
        return candidates[typical(embeddings[candidates], count, pool.generator())]


def falling(pool: Pool, scores: NDArray[np.float32]) -> Order:
    """Order the askable images by falling score; images without a score come last, ties keep the order of names."""
    rows = pool.askable
    return rows[np.argsort(-np.nan_to_num(scores[rows], nan=-1.0), kind="stable")]


def _slope(p: NDArray[np.float32]) -> NDArray[np.float32]:
    slope = p.copy()
    slope[np.arange(len(p)), p.argmax(axis=1)] -= 1
    return slope


def _embeddings(pool: Pool, name: str) -> NDArray[np.float32]:
    if pool.embeddings is None:
        raise _needs(name, "features")
    return pool.embeddings


def _needs(name: str, what: str) -> ChoiceError:
    return ChoiceError(
        f"The strategy {name} needs {what}, which this engine does not provide.",
        "Nothing was changed.",
        "Choose another strategy or engine.",
    )


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
