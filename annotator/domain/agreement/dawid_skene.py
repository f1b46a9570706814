"""Dawid-Skene: the probable answer of every item when labellers differ in what they confuse.

Dawid & Skene (1979), Maximum likelihood estimation of observer error-rates using the EM algorithm, Appl. Statist.
28:20-28. An item has one true category k with probability p_k; rater r answers l to an item of category k with
probability e_r[k, l], independently of the other raters. EM alternates between the probability of every category for
every item (E) and the most probable p and e given these (M). It starts from the share of each category among an item's
answers, as the paper does (its equation 3.1), so nothing is drawn at random.

Smoothing: `smoothing` is added to every count of the M step, that is to every cell of p and of each row of e. Without
it, a rater without an observed error could not err, and one slip would overrule everybody else. EM then maximises the
log-likelihood plus smoothing × (Σ log p + Σ log e), the log of a symmetric Dirichlet prior but for a constant; it is
this sum that never falls from one step to the next.

Known answers: an item whose category is known keeps it in every E step, so that raters are measured by it. If most raters make
the same mistake, their agreement alone cannot show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from annotator.domain.agreement.ratings import Code, Floats, Item, Positions, Rater, Ratings
from annotator.errors import FacelabelError

SMOOTHING = 0.01
NONE_KNOWN: Mapping[Item, Code] = MappingProxyType({})
_MOST_CELLS = 20_000_000  # of posteriors and confusion matrices: 160 MB a copy


@dataclass(frozen=True, eq=False)
class DawidSkene:
    """The estimate for I items, K categories and R raters."""

    ratings: Ratings
    posteriors: Floats
    """I × K: the probability of each category for each item; rows sum to 1."""
    prior: Floats
    """K: p, the prior of each category."""
    confusions: Floats
    """R × K × K: e, [rater, true category, answer]; rows sum to 1. A row without answers is uniform."""
    objective: tuple[float, ...]
    """The smoothed log-likelihood (natural log) of each iteration's p and e; it never falls."""
    log_likelihood: float
    """Of the answers at the last p and e, those returned, without the smoothing term."""
    converged: bool

    def confusion(self, rater: Rater) -> dict[tuple[Code, Code], float]:
        """One rater's e as {(true code, answered code): probability}."""
        codes = self.ratings.categories
        matrix = self.confusions[self.ratings.raters.index(rater)].tolist()
        return {
            (true, answered): matrix[k][answer]
            for k, true in enumerate(codes)
            for answer, answered in enumerate(codes)
        }


def dawid_skene(
    ratings: Ratings,
    *,
    known: Mapping[Item, Code] = NONE_KNOWN,
    smoothing: float = SMOOTHING,
    iterations: int = 500,
    tolerance: float = 1e-10,
) -> DawidSkene:
    """Estimate by EM.

    Args:
        ratings: the answers; those of a rater to the same item count as independent (`repeats` of `Ratings.read`).
        known: the true codes of some items; a code that nobody answered to any item is ignored.
        smoothing: pseudo-count of each cell, more than 0.
        iterations: the maximum number of iterations.
        tolerance: EM has converged when the objective gains less than this per answer.

    Raises:
        FacelabelError: if there are too many categories, for example of an open attribute, for the matrices to fit in memory.
    """
    if smoothing <= 0:
        raise ValueError("smoothing must be more than 0")
    categories = len(ratings.categories)
    if categories * (len(ratings.items) + len(ratings.raters) * categories) > _MOST_CELLS:
        raise FacelabelError(
            "too_many_values",
            f"Dawid-Skene needs too much memory for {categories} values, {len(ratings.raters)} labellers and "
            f"{len(ratings.items)} images.",
            do="Use the majority vote for this attribute.",
        )
    answers = _Answers(ratings, known)
    posteriors = answers.shares()
    objective: list[float] = []
    while True:
        prior, confusions = answers.maximise(posteriors, smoothing)
        posteriors, log_likelihood = answers.expect(prior, confusions)
        penalty = smoothing * float(np.log(prior).sum() + np.log(confusions).sum())
        objective.append(log_likelihood + penalty)
        gain = objective[-1] - objective[-2] if len(objective) > 1 else np.inf
        converged = bool(gain <= tolerance * len(ratings.item))
        if converged or len(objective) >= iterations:
            break
    return DawidSkene(ratings, posteriors, prior, confusions, tuple(objective), log_likelihood, converged)


class _Answers:
    """The two steps of EM."""

    def __init__(self, ratings: Ratings, known: Mapping[Item, Code]) -> None:
        self.items, self.raters = len(ratings.items), len(ratings.raters)
        self.categories = len(ratings.categories)
        self.item = ratings.item
        self.votes = ratings.item * self.categories + ratings.category  # [item, answer] as one index
        self.cell = ratings.rater * self.categories + ratings.category  # [rater, answer] as one index
        places = {code: place for place, code in enumerate(ratings.categories)}
        fixed = [
            (row, places[known[item]])
            for row, item in enumerate(ratings.items)
            if item in known and known[item] in places
        ]
        self.known_items = np.array([row for row, _ in fixed], np.intp)
        self.known_categories = np.array([category for _, category in fixed], np.intp)

    def shares(self) -> Floats:
        """I × K: the share of each category among an item's answers."""
        votes = np.bincount(self.votes, minlength=self.items * self.categories)
        votes = votes.reshape(self.items, self.categories)
        shares: Floats = votes / votes.sum(axis=1, keepdims=True)
        shares[self.known_items] = 0
        shares[self.known_items, self.known_categories] = 1
        return shares

    def maximise(self, posteriors: Floats, smoothing: float) -> tuple[Floats, Floats]:
        """M: the prior (K) and the confusions (R × K × K) from the expected counts."""
        prior = posteriors.sum(axis=0) + smoothing
        counts = _sums(posteriors.T, self.item, self.cell, self.raters * self.categories) + smoothing
        by_truth = counts.reshape(self.categories, self.raters, self.categories)
        confusions = by_truth.transpose(1, 0, 2)
        return prior / prior.sum(), confusions / confusions.sum(axis=2, keepdims=True)

    def expect(self, prior: Floats, confusions: Floats) -> tuple[Floats, float]:
        """E: the posteriors (I × K) and the log-likelihood; in logs, so that many raters do not underflow."""
        by_truth = (
            np.log(confusions).transpose(1, 0, 2).reshape(self.categories, self.raters * self.categories)
        )
        joint = _sums(by_truth, self.cell, self.item, self.items) + np.log(prior)[:, np.newaxis]
        certain = joint[self.known_categories, self.known_items]
        joint[:, self.known_items] = -np.inf
        joint[self.known_categories, self.known_items] = certain
        top = joint.max(axis=0, initial=-np.inf)
        scaled = np.exp(joint - top)
        total = scaled.sum(axis=0)
        return (scaled / total).T, float((top + np.log(total)).sum())


def _sums(rows: Floats, source: Positions, target: Positions, length: int) -> Floats:
    """For each row, the entries at `source` summed by `target`: rows × length; a row at a time keeps memory small."""
    sums = np.zeros((len(rows), length))
    for row, into in zip(rows, sums, strict=True):
        into[:] = np.bincount(target, row[source], minlength=length)
    return sums
