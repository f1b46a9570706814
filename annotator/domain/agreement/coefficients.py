"""Agreement of labellers on one attribute: percent agreement, Cohen's and Fleiss' kappa, Krippendorff's alpha.

All values are nominal: two different values are simply different. Only items with two answers or more count, since a
single answer says nothing about agreement. Notation of the formulas: N such items, item i has m_i answers, n_ik of them
category k; n_k = Σ_i n_ik, n = Σ_i m_i.

Every coefficient has a 95 % interval: a seeded bootstrap over items, or over groups of items if the ratings have groups
(bootstrap.py). A coefficient or an interval without meaning is None, and `reason` says why; no function here returns NaN or
warns.

Sources:
    Cohen (1960), A coefficient of agreement for nominal scales, Educ. Psychol. Meas. 20:37-46.
    Fleiss (1971), Measuring nominal scale agreement among many raters, Psychol. Bull. 76:378-382.
    Fleiss & Cuzick (1979), The reliability of dichotomous judgments: unequal numbers of judges per subject,
    Appl. Psychol. Meas. 3:537-542.
    Krippendorff (2011), Computing Krippendorff's alpha-reliability.
    Hayes & Krippendorff (2007), Answering the call for a standard reliability measure for coding data,
    Commun. Methods Meas. 1:77-89.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from annotator.domain.agreement.ratings import Floats, Positions, Ratings
from annotator.domain.metrics.bootstrap import REPLICATES, Coefficient, Interval, percentile_interval

_ONE_VALUE = "every answer is the same value, so chance alone would explain full agreement"


@dataclass(frozen=True)
class Agreement:
    """A coefficient, 1 at full agreement, or None; `reason` says why it or its interval is missing."""

    value: float | None
    interval: Interval | None
    reason: str | None
    items: int
    """Items with two answers or more, on which the coefficient rests."""
    answers: int
    """Answers to these items."""


def percent_agreement(ratings: Ratings, *, replicates: int = REPLICATES, seed: int = 0) -> Agreement:
    """The share of agreeing pairs of answers within an item, Σ_k n_ik(n_ik - 1) / (m_i(m_i - 1)), averaged over items."""
    return _estimate(_Paired(ratings), _percent, replicates, seed)


def cohen_kappa(ratings: Ratings, *, replicates: int = REPLICATES, seed: int = 0) -> Agreement:
    """Cohen's kappa of two raters: (p_o - p_e) / (1 - p_e).

    p_o is the share of items with equal answers, p_e = Σ_k p_1k p_2k from each rater's own shares (Cohen 1960). For
    more than two raters ask for each pair: `cohen_kappa(ratings.between(first, second))`.
    """
    if len(ratings.raters) > 2:
        reason = f"Cohen's kappa compares two labellers, not {len(ratings.raters)}"
        paired = _Paired(ratings)
        return Agreement(None, None, reason, paired.items, paired.all_answers)
    return _estimate(_Paired(ratings), _cohen, replicates, seed)


def fleiss_kappa(ratings: Ratings, *, replicates: int = REPLICATES, seed: int = 0) -> Agreement:
    """Fleiss' kappa of any raters, 1 - Σ_i (m_i - Σ_k n_ik² / m_i) / (Σ_i (m_i - 1) · (1 - Σ_k (n_k / n)²)).

    This is Fleiss & Cuzick (1979) for varying numbers of answers, its categories weighted by p_k(1 - p_k); where
    every item has the same number it is Fleiss (1971), (P - P_e) / (1 - P_e).
    """
    return _estimate(_Paired(ratings), _fleiss, replicates, seed)


def krippendorff_alpha(ratings: Ratings, *, replicates: int = REPLICATES, seed: int = 0) -> Agreement:
    """Krippendorff's alpha for nominal data with missing answers, 1 - D_o / D_e.

    D_o = Σ_i (m_i² - Σ_k n_ik²) / (m_i - 1) / n and D_e = (n² - Σ_k n_k²) / (n(n - 1)) (Krippendorff 2011, C). The
    interval resamples items; that of Hayes & Krippendorff (2007) resamples pairs and holds D_e fixed.
    """
    return _estimate(_Paired(ratings), _krippendorff, replicates, seed)


class _Paired:
    """The items with two answers or more, renumbered, and their counts n_ik in sparse form.

    `rows` counts the items as stored, `items` those that they stand for.

    Sparse because an open attribute such as identity may have thousands of categories.
    """

    def __init__(self, ratings: Ratings) -> None:
        enough = np.bincount(ratings.item, minlength=len(ratings.items)) >= 2
        kept = enough[ratings.item]
        self.item: Positions = (np.cumsum(enough) - 1)[ratings.item[kept]]
        self.rater = ratings.rater[kept]
        self.category = ratings.category[kept]
        self.rows = int(enough.sum())
        self.times: Floats = ratings.times[enough].astype(np.float64)
        self.items = int(self.times.sum())
        self.categories = len(ratings.categories)
        self.raters = len(np.unique(ratings.rater))
        self.group = ratings.group[enough]
        cell, count = np.unique(self.item * max(self.categories, 1) + self.category, return_counts=True)
        self.cell_item, self.cell_category = np.divmod(cell, max(self.categories, 1))
        self.count = count.astype(np.float64)  # n_ik where it is not 0
        self.answers = np.bincount(self.item, minlength=self.rows).astype(np.float64)  # m_i
        self.squares = np.bincount(self.cell_item, self.count**2, minlength=self.rows)  # Σ_k n_ik²
        self.all_answers = int(self.times @ self.answers)

    def category_totals(self, weight: Floats) -> Floats:
        """n_k of the drawn items."""
        drawn = self.count * weight[self.cell_item]
        return np.bincount(self.cell_category, drawn, minlength=self.categories).astype(np.float64)


def _percent(paired: _Paired) -> Coefficient:
    agreeing = (paired.squares - paired.answers) / (paired.answers * (paired.answers - 1))
    return lambda weight: float(weight @ agreeing / weight.sum())


def _cohen(paired: _Paired) -> Coefficient:
    answers = np.zeros((2, paired.rows), dtype=np.intp)
    answers[paired.rater, paired.item] = paired.category
    first, second = answers
    equal = first == second

    def kappa(weight: Floats) -> float | None:
        total = weight.sum()
        by_first = np.bincount(first, weight, minlength=paired.categories)
        by_second = np.bincount(second, weight, minlength=paired.categories)
        expected = by_first @ by_second
        return _ratio(total * weight[equal].sum() - expected, total * total - expected)

    return kappa


def _fleiss(paired: _Paired) -> Coefficient:
    disagreement = paired.answers - paired.squares / paired.answers

    def kappa(weight: Floats) -> float | None:
        n_k = paired.category_totals(weight)
        n = n_k.sum()
        ratio = _ratio(weight @ disagreement * n * n, weight @ (paired.answers - 1) * (n * n - n_k @ n_k))
        return None if ratio is None else 1 - ratio

    return kappa


def _krippendorff(paired: _Paired) -> Coefficient:
    disagreement = (paired.answers**2 - paired.squares) / (paired.answers - 1)

    def alpha(weight: Floats) -> float | None:
        n_k = paired.category_totals(weight)
        n = n_k.sum()
        ratio = _ratio((n - 1) * (weight @ disagreement), n * n - n_k @ n_k)
        return None if ratio is None else 1 - ratio

    return alpha


def _ratio(numerator: float, denominator: float) -> float | None:
    # The denominators are sums of whole numbers, so with a single value they are exactly 0.
    return None if denominator == 0 else float(numerator / denominator)


def _estimate(
    paired: _Paired, coefficient: Callable[[_Paired], Coefficient], replicates: int, seed: int
) -> Agreement:
    value, interval, reason = None, None, _too_little(paired)
    if reason is None:
        of_weights = coefficient(paired)
        value = of_weights(paired.times)
        reason = _ONE_VALUE
        if value is not None:
            interval, reason = percentile_interval(
                of_weights, paired.group, paired.times.astype(np.intp), replicates, seed
            )
    return Agreement(value, interval, reason, paired.items, paired.all_answers)


def _too_little(paired: _Paired) -> str | None:
    if paired.raters < 2:
        return "fewer than two labellers have answered"
    if paired.items < 2:
        return "fewer than two items have answers from two labellers"
    return None
