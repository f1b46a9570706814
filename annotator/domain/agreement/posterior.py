"""The posterior of a cell from who answered what, by Bayes' rule from error rates that were estimated before.

Dawid and Skene's model (dawid_skene.py): given the true category k, the labellers answer independently, and labeller r answers
l with probability e_r[k, l]. With the prior p_k of the categories, the posterior after answers l_r is

    P(k | answers) ∝ p_k · Π_r e_r[k, l_r].

One more answer multiplies one more factor, so a request needs no EM: `LabellerModel` keeps p and e of the last one.

Few answers say little about a labeller, and EM without a strong prior would believe that somebody who was right ten times
cannot err. Each row of a labeller's matrix is therefore the posterior mean under a Dirichlet prior worth `OWN_WEIGHT` answers
around the row of all labellers together, which itself starts as `TYPICAL` (right in 80 %) with the weight `TYPICAL_WEIGHT`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from annotator.domain.agreement.dawid_skene import DawidSkene
from annotator.domain.agreement.ratings import Code, Floats, Positions

OWN_WEIGHT = 10.0
"""The weight of all labellers together in the matrix of one, in answers per true category."""
TYPICAL, TYPICAL_WEIGHT = 0.8, 5.0
"""The share of right answers of a labeller before anything is measured, and its weight in answers per true category."""


@dataclass(frozen=True, eq=False)
class LabellerModel:
    """How the labellers of one attribute err: K categories, R labellers.

    Args:
        codes: the categories; None is "can't tell".
        prior: (K,) of each category; adds up to 1.
        raters: ids of the labellers.
        confusions: (R + 1, K, K) [labeller, true category, answer]; the last matrix is of somebody not measured yet.
        items: the number of cells that the estimate rests on.
    """

    codes: tuple[Code, ...]
    prior: Floats
    raters: tuple[int, ...]
    confusions: Floats
    items: int

    @classmethod
    def of(cls, fit: DawidSkene, codes: Collection[Code]) -> LabellerModel:
        """Turn an estimate into the model that is kept.

        Args:
            fit: the estimate.
            codes: all categories that may be answered; those that nobody answered yet are rare, not impossible.
        """
        seen = fit.ratings.categories
        every = tuple(sorted({*codes, *seen}, key=lambda code: (code is None, code or 0)))
        place = np.array([every.index(code) for code in seen], np.intp)
        size, ratings = len(every), fit.ratings
        counts = np.zeros((len(ratings.raters), size, size))
        for true, column in zip(place, fit.posteriors.T, strict=True):
            np.add.at(counts[:, true], (ratings.rater, place[ratings.category]), column[ratings.item])
        prior = np.full(size, 0.5)
        prior[place] += fit.posteriors.sum(axis=0)
        together = counts.sum(axis=0) + TYPICAL_WEIGHT * _typical(size)
        together /= together.sum(axis=1, keepdims=True)
        own = counts + OWN_WEIGHT * together
        own /= own.sum(axis=2, keepdims=True)
        raters = tuple(int(rater) for rater in ratings.raters)
        return cls(
            every, prior / prior.sum(), raters, np.concatenate([own, together[None]]), len(ratings.items)
        )

    def posteriors(self, item: Positions, rater: Positions, code: Positions) -> Floats:
        """The (items, K) posteriors of some cells.

        Args:
            item: (answers,) numbers of the cells, from 0, each with an answer.
            rater: (answers,) ids of the labellers; those who were not measured count like all together.
            code: (answers,) codes, -1 for "can't tell".

        Returns:
            Rows that add up to 1; a row of zeros for a cell with an answer that is no category of the model.
        """
        answer = _places(code, np.array([-1 if c is None else c for c in self.codes], np.int64))
        by = _places(rater, np.array(self.raters, np.int64))  # -1 is the last matrix
        cells = int(item.max()) + 1 if len(item) else 0
        joint = np.tile(np.log(self.prior), (cells, 1))
        np.add.at(joint, item, np.log(self.confusions)[by, :, answer])
        posteriors: Floats = np.exp(joint - joint.max(axis=1, keepdims=True))
        posteriors /= posteriors.sum(axis=1, keepdims=True)
        posteriors[item[answer < 0]] = 0
        return posteriors

    def accuracy(self, rater: int) -> float:
        """The balanced accuracy of a labeller: the mean probability of the right answer over the categories."""
        place = self.raters.index(rater) if rater in self.raters else -1
        return float(np.diagonal(self.confusions[place]).mean())


def _typical(size: int) -> Floats:
    if size == 1:
        return np.ones((1, 1))
    typical: Floats = np.where(np.eye(size, dtype=bool), TYPICAL, (1 - TYPICAL) / (size - 1))
    return typical


def _places(values: Positions, among: Positions) -> Positions:
    """The place of each value among distinct ones; -1 where it is not among them."""
    if not len(among):
        return np.full(len(values), -1)
    order = np.argsort(among)
    place = order[np.minimum(np.searchsorted(among[order], values), len(among) - 1)]
    found: Positions = np.where(among[place] == values, place, -1)
    return found
