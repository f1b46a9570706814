"""How doubtful the answers to one attribute are: (n, classes) probabilities → n scores, higher is more doubtful."""

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]


def margin(p: NDArray[np.float32]) -> Scores:
    """One less the lead of the best class over the second; 1 where two are equally probable."""
    if p.shape[1] < 2:
        return np.zeros(len(p), np.float32)
    second, first = np.partition(p, -2, axis=1)[:, -2:].T
    doubt: Scores = 1 - (first - second)
    return doubt


def least_confidence(p: NDArray[np.float32]) -> Scores:
    """One less the largest probability."""
    doubt: Scores = 1 - p.max(axis=1)
    return doubt


def entropy(p: NDArray[np.float32]) -> Scores:
    """Entropy as a share of the largest possible, so that attributes with many classes count no more."""
    logs = np.log(np.maximum(p, 1e-12))
    doubt: Scores = -(p * logs).sum(axis=1) / np.log(max(2, p.shape[1]))
    return doubt


def disagreement(committee: NDArray[np.float32]) -> Scores:
    """How much the members of a committee teach each other: the mutual information of answer and member.

    Houlsby et al., "Bayesian active learning for classification and preference learning" (BALD, 2011): entropy of the
    mean answer less the mean entropy of the answers.

    Args:
        committee: (members, n, classes).
    """
    taught: Scores = entropy(committee.mean(axis=0)) - np.mean([entropy(p) for p in committee], axis=0)
    return taught
