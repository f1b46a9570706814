"""Acquisition rules: in which order images are best labelled. A new rule is a small class with a line in `RULES`.

Every rule scores cells, so that a page can show which are doubtful, and arranges images. The rules that look for
variety arrange the first `HEAD` images and leave the rest in the order of their margins: nobody labels more than that
before the next round.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.balanced import Balanced
from trainer.acquisition.base import Order, Rule
from trainer.acquisition.diversity import farthest_first, spread_by_weight, typical
from trainer.acquisition.group_constraint import HEAD
from trainer.acquisition.mixing import ColdStart, RareShare
from trainer.acquisition.pool import Pool
from trainer.acquisition.uncertainty import Scores, disagreement, entropy, least_confidence, margin
from trainer.runtime.errors import ChoiceError

CANDIDATES = 20_000
"""Images among which variety is looked for: a random part of a larger pool, so that the time does not grow with it."""
DEFAULT = "balanced"
NONE: frozenset[str] = frozenset()
POINTS, COMMITTEE = frozenset(["points"]), frozenset(["committee"])


class ByDoubt:
    """The mean doubt over an image's open cells, the most doubtful first; ties in the order of names."""

    needs = NONE

    def __init__(self, doubt: Callable[[NDArray[np.float32]], Scores]) -> None:
        self._doubt = doubt

    def cells(self, pool: Pool) -> dict[str, Scores]:
        """As the function says."""
        return {name: self._doubt(p) for name, p in pool.probabilities.items()}

    def arrange(self, pool: Pool) -> Order:
        """By falling mean."""
        return falling(pool, pool.mean_over_cells(self.cells(pool)))


class Random:
    """The baseline that any other rule has to beat."""

    needs = NONE

    def cells(self, pool: Pool) -> dict[str, Scores]:
        """A number drawn for every cell."""
        generator = pool.generator()
        return {name: generator.random(len(p)) for name, p in pool.probabilities.items()}

    def arrange(self, pool: Pool) -> Order:
        """In a random order."""
        return pool.generator().permutation(pool.askable)


class Committee(ByDoubt):
    """BALD: what several models disagree about, apart from what all of them doubt."""

    needs = COMMITTEE

    def __init__(self) -> None:
        super().__init__(margin)

    def cells(self, pool: Pool) -> dict[str, Scores]:
        """The mutual information of answer and member.

        Raises:
            ChoiceError: There is one model only.
        """
        if pool.committee is None:
            raise _needs("bald", "several models")
        return {name: disagreement(answers) for name, answers in pool.committee.items()}


class Margins(ByDoubt):
    """What the rules of variety share: doubt is the margin, and `choose` finds the head among some candidates."""

    needs = POINTS

    def __init__(self) -> None:
        super().__init__(margin)

    def arrange(self, pool: Pool) -> Order:
        """The head by variety, the rest by falling mean margin."""
        by_margin = super().arrange(pool)
        if not len(by_margin):
            return by_margin
        candidates = pool.askable
        if len(candidates) > CANDIDATES:
            candidates = np.sort(pool.generator().permutation(candidates)[:CANDIDATES])
        head = self.choose(pool, candidates, min(HEAD, len(candidates)))
        return np.concatenate([head, by_margin[~np.isin(by_margin, head)]])

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """`count` of the candidates."""
        raise NotImplementedError


class KCenter(Margins):
    """The image farthest from all labelled and chosen ones, again and again (Sener and Savarese, ICLR 2018)."""

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """Doubt plays no part."""
        points = _points(pool, "k_center")
        return candidates[farthest_first(points[candidates], points[pool.labelled], count)]


class Badge(Margins):
    """Images whose answers would change the model most, and differently (Ash et al., ICLR 2020).

    The gradient of the last layer at the model's own answer is (p − onehot) ⊗ point; k-means++ over these of all open
    cells. A product of two vectors is as long as the product of their lengths, and inner products factorise too.
    """

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """K-means++ seeding by squared distance of gradients."""
        points, rows = _points(pool, "badge")[candidates], candidates
        slopes = [_slope(p[rows]) * pool.cells[name][rows, None] for name, p in pool.probabilities.items()]
        return rows[spread_by_weight(points, np.concatenate(slopes, axis=1), count, pool.generator())]


class Typical(Margins):
    """The most typical image of each of as many clusters (Hacohen et al., "TypiClust", ICML 2022): for the first batch."""

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """Doubt plays no part."""
        points = _points(pool, "typical")
        return candidates[typical(points[candidates], count, pool.generator())]


def falling(pool: Pool, scores: NDArray[np.float32]) -> Order:
    """The images that may be asked by falling score; what has none comes last, ties keep the order of names."""
    rows = pool.askable
    return rows[np.argsort(-np.nan_to_num(scores[rows], nan=-1.0), kind="stable")]


def _slope(p: NDArray[np.float32]) -> NDArray[np.float32]:
    slope = p.copy()
    slope[np.arange(len(p)), p.argmax(axis=1)] -= 1
    return slope


def _points(pool: Pool, name: str) -> NDArray[np.float32]:
    if pool.points is None:
        raise _needs(name, "features")
    return pool.points


def _needs(name: str, what: str) -> ChoiceError:
    return ChoiceError(
        f"The strategy {name} needs {what}, which this engine does not give.",
        "Nothing was changed.",
        "Choose another strategy or engine.",
    )


RULES: dict[str, Rule] = {
    DEFAULT: Balanced(),
    "margin": ByDoubt(margin),
    "entropy": ByDoubt(entropy),
    "least_confidence": ByDoubt(least_confidence),
    "random": Random(),
    "bald": Committee(),
    "k_center": KCenter(),
    "badge": Badge(),
    "typical": Typical(),
    "rare_classes": RareShare(ByDoubt(margin)),
    "cold_start": ColdStart(Typical(), ByDoubt(margin)),
}


def rule(strategy: str) -> Rule:
    """Return the rule of that name.

    Raises:
        ChoiceError: There is none.
    """
    if strategy not in RULES:
        raise ChoiceError(
            f"There is no strategy called {strategy!r}.",
            "Nothing was changed.",
            f"Choose one of: {', '.join(RULES)}.",
        )
    return RULES[strategy]
