"""Uncertainty of the answers to one attribute: (n, classes) probabilities → (n,) scores, higher is more uncertain."""

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]


def margin(p: NDArray[np.float32]) -> Scores:
    """Return 1 minus the difference of the two largest probabilities; 1 if they are equal."""
    if p.shape[1] < 2:
        return np.zeros(len(p), np.float32)
    second, first = np.partition(p, -2, axis=1)[:, -2:].T
    uncertainty: Scores = 1 - (first - second)
    return uncertainty


def least_confidence(p: NDArray[np.float32]) -> Scores:
    """Return 1 minus the largest probability."""
    uncertainty: Scores = 1 - p.max(axis=1)
    return uncertainty


def entropy(p: NDArray[np.float32]) -> Scores:
    """Return the entropy divided by the largest possible one, so that attributes with many classes do not dominate."""
    logs = np.log(np.maximum(p, 1e-12))
    uncertainty: Scores = -(p * logs).sum(axis=1) / np.log(max(2, p.shape[1]))
    return uncertainty


def disagreement(committee: NDArray[np.float32]) -> Scores:
    """Return the mutual information of answer and committee member.

    Houlsby et al., "Bayesian active learning for classification and preference learning" (BALD, 2011): the entropy of
    the mean answer minus the mean entropy of the answers.

    Args:
        committee: (members, n, classes).
    """
    information: Scores = entropy(committee.mean(axis=0)) - np.mean([entropy(p) for p in committee], axis=0)
    return information
