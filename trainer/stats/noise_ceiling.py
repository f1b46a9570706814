"""What a perfect model could score when the labels that it is measured on are noisy.

A perfect model answers the truth T; a metric compares it with the label L. With M[t, l] = P(T = t, L = l), its accuracy is the
trace of M, and its balanced accuracy is the mean over the values l of P(T = l | L = l) = M[l, l] / P(L = l), because recall
is counted among the images with the label l. No model that does not learn the errors themselves can do better. (Northcutt,
Athalye & Mueller 2021, "Pervasive label errors in test sets destabilize machine learning benchmarks", arXiv 2103.14749, show how
far such errors move benchmarks; Natarajan, Dhillon, Ravikumar & Tewari 2013, "Learning with noisy labels", NeurIPS, describe
class-conditional noise, P(L | T), which two of the three estimates below assume.)

M is estimated from one of three sources:

- *checked*: images drawn at random whose truth somebody found out. They show P(T | L) directly.
- *gold*: answers of labellers to images with a known truth, which may be chosen by their truth. They show C = P(L | T). The
  class priors p follow from the shares of the labels, q = Cᵀp, by expectation maximization (Saerens, Latinne & Decaestecker
  2002, Neural Computation 14:21-41), and M = diag(p) C.
- *pairs*: answers of two people to the same image, drawn at random, whose errors are independent given the truth. If errors
  keep the shares of the values (as many of a as b as of b as a), then A = P(L, L') = M diag(q)⁻¹ M, so that diag(q)^-½ M
  diag(q)^-½ is the square root of the positive semidefinite matrix diag(q)^-½ A diag(q)^-½. It is the square root of the
  reliability (Spearman 1904, Am. J. Psychol. 15:72-101) for more than two values.

Intervals are those of a Bayesian bootstrap of the counts: Dirichlet posteriors whose prior is half an answer that is right and
half an answer that is wrong for each value (Jeffreys' prior of the share of right answers).
"""

from __future__ import annotations  # the name of numpy's generator would load numpy.random

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[Any]
"""Counts of cells, whole numbers or not."""
Floats = NDArray[np.float64]

DRAWS = 4000
"""Draws for an interval; with a quarter of them, intervals cover one percent less."""
ENOUGH = 50
"""With fewer answers nothing is concluded."""
_STEPS = 300
_CONVERGED = 1e-5
_SMALLEST = 1e-12


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class NoiseCeiling:
    """What a perfect model would score.

    Attributes:
        source: `checked`, `gold` or `pairs`.
        answers: Number of checked labels, answers to gold cells, or pairs of answers.
        accuracy: Its accuracy.
        balanced_accuracy: Its balanced accuracy over the values that labels have; None if one of them occurs nowhere in the
            source.
        unseen: Indices of these values.
    """

    source: str
    answers: int
    accuracy: Estimate
    balanced_accuracy: Estimate | None
    unseen: tuple[int, ...]


def ceiling_from_checked(checked: Counts, labels: Counts, *, draws: int = DRAWS) -> NoiseCeiling | None:
    """Return the ceiling from checked labels; None if there are fewer than `ENOUGH`.

    Args:
        checked: (values, values) checked images by truth and label; a truth outside the values counts for none of them, so
            there may be more rows than columns.
        labels: (values,) labelled images of the measured set by value.
        draws: Number of draws for the interval.
    """
    if not _are_enough(checked):
        return None
    right, total = np.diagonal(checked), checked.sum(axis=0)
    random = np.random.default_rng(0)
    # Given the label, an image is right or wrong: where a wrong one belongs does not matter.
    recall = random.beta(right + 0.5, total - right + 0.5, (draws, len(labels)))
    shares = _dirichlet(random, labels + 0.5 / len(labels), draws)
    return _ceiling("checked", round(float(checked.sum())), (shares, recall), labels, total)


def ceiling_from_gold(gold: Counts, labels: Counts, *, draws: int = DRAWS) -> NoiseCeiling | None:
    """Return the ceiling from answers to gold cells; None if there are fewer than `ENOUGH`.

    Args:
        gold: (values, values) answers by truth and answer.
        labels: As in `ceiling_from_checked`.
        draws: Number of draws for the interval.
    """
    if not _are_enough(gold):
        return None
    values = len(labels)
    random = np.random.default_rng(0)
    prior = np.full((values, values), 0.5 / max(values - 1, 1))
    np.fill_diagonal(prior, 0.5)
    confusion = _dirichlet(random, gold + prior, draws)
    shares = _dirichlet(random, labels + 0.5 / values, draws)
    priors = _class_priors(confusion, shares)
    joint = priors[:, :, None] * confusion
    recall = np.diagonal(joint, axis1=1, axis2=2) / np.maximum(joint.sum(axis=1), _SMALLEST)
    # Of a value without a gold cell, the answers say how often others are taken for it, but not how often it is recognised.
    return _ceiling("gold", round(float(gold.sum())), (joint.sum(axis=1), recall), labels, gold.sum(axis=1))


def ceiling_from_pairs(pairs: Counts, labels: Counts, *, draws: int = DRAWS) -> NoiseCeiling | None:
    """Return the ceiling from pairs of answers; None if there are fewer than `ENOUGH`.

    Args:
        pairs: (values, values) pairs by the two answers, in any order of the two.
        labels: As in `ceiling_from_checked`.
        draws: Number of draws for the interval.
    """
    if not _are_enough(pairs):
        return None
    values = len(labels)
    random = np.random.default_rng(0)
    upper = np.triu_indices(values)
    both = np.where(np.eye(values, dtype=bool), pairs, pairs + pairs.T)[upper]
    prior = np.where(upper[0] == upper[1], 0.5, 0.5 / max(values - 1, 1))
    drawn = _dirichlet(random, both + prior, draws)
    agreement = np.zeros((draws, values, values))
    agreement[:, upper[0], upper[1]] = drawn / np.where(upper[0] == upper[1], 1, 2)
    agreement[:, upper[1], upper[0]] = agreement[:, upper[0], upper[1]]
    shares = agreement.sum(axis=2)
    scale = 1 / np.sqrt(np.maximum(shares, _SMALLEST))
    power, vectors = np.linalg.eigh(scale[:, :, None] * agreement * scale[:, None, :])
    # The diagonal of the root: how often an answer is right, by answer.
    recall = np.einsum("dik,dk,dik->di", vectors, np.sqrt(np.clip(power, 0, 1)), vectors)
    return _ceiling(
        "pairs",
        round(float(pairs.sum())),
        (shares, np.minimum(recall, 1)),
        labels,
        pairs.sum(0) + pairs.sum(1),
    )


def _are_enough(counts: Counts) -> bool:
    return round(float(counts.sum())) >= ENOUGH


def _dirichlet(random: np.random.Generator, parameters: Floats, draws: int) -> Floats:
    """Draw (draws, ..., values) distributions over the last axis."""
    gamma = random.standard_gamma(parameters, (draws, *parameters.shape))
    drawn: Floats = gamma / np.maximum(gamma.sum(axis=-1, keepdims=True), _SMALLEST)
    return drawn


def _class_priors(confusion: Floats, shares: Floats) -> Floats:
    """Return the (draws, values) class priors whose noisy labels would have these shares, as nearly as any priors can."""
    priors = shares.copy()
    for _ in range(_STEPS):
        expected = np.maximum(np.einsum("dt,dtl->dl", priors, confusion), _SMALLEST)
        before = priors
        priors = priors * np.einsum("dtl,dl->dt", confusion, shares / expected)
        priors /= priors.sum(axis=1, keepdims=True)
        if np.abs(priors - before).max() < _CONVERGED:
            break
    return priors


def _ceiling(
    source: str, answers: int, drawn: tuple[Floats, Floats], labels: Counts, seen: Counts
) -> NoiseCeiling:
    """Summarise (draws, values) shares of the labels and shares of right ones among them."""
    shares, recall = drawn
    occurs = np.asarray(labels) > 0
    unseen = tuple(np.flatnonzero(occurs & (np.asarray(seen) == 0)).tolist())
    accuracy = _estimate((shares * recall).sum(axis=1))
    balanced = None if unseen or not occurs.any() else _estimate(recall[:, occurs].mean(axis=1))
    return NoiseCeiling(source, answers, accuracy, balanced, unseen)


def _estimate(drawn: Floats) -> Estimate:
    low, value, high = np.quantile(drawn, (0.025, 0.5, 0.975)).tolist()
    return Estimate(value, low, high)
