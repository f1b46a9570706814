"""From a head's evidence to honest probabilities, and from those to a class-balanced answer.

Evidence is what an image says about the classes apart from how common they are. Probabilities are
`softmax(evidence / temperature + log prior)`: they say how often such an answer is right among images like those that
were labelled. Dividing them by the prior gives the class-balanced answer, the one that maximises balanced accuracy
(Menon et al., "Long-tail learning via logit adjustment", ICLR 2021). The temperature is that of Guo et al., "On
calibration of modern neural networks" (ICML 2017).
"""

import numpy as np
from numpy.typing import NDArray

from trainer.config import FitConfig

TEMPERATURES = np.geomspace(0.5, 8, 97)
FEW = 20
"""With fewer held-out cells than this a temperature would be noise; it stays 1."""


def class_prior(labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Return the shares of the classes, with half an image added to each so that none is impossible.

    Args:
        labels: (n,) class indices; negative ones do not count.
        classes: Number of classes.
    """
    counts = np.bincount(labels[labels >= 0], minlength=classes) + 0.5
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def expected_shares(p: NDArray[np.float32], prior: NDArray[np.float64], images: int) -> NDArray[np.float64]:
    """Return the (classes,) shares that a model expects among images: what a class-balanced answer to them divides by.

    Labelled images are chosen for what they look like. That leaves the probability of a class given an image as it is,
    but not the shares of the classes (covariate shift: Shimodaira, "Improving predictive inference under covariate
    shift", 2000), so these are the means of the probabilities, with half an image added to each class so that none is
    impossible; of a class that no labelled image shows, its half image in `prior`.

    Args:
        p: (n, classes) calibrated probabilities of all images of a pool.
        prior: (classes,) `class_prior` of the labelled train images.
        images: How many these are.
    """
    never = prior * (images + len(prior) / 2) < 1
    return np.where(never, prior, (p.sum(axis=0, dtype=np.float64) + 0.5) / (len(p) + p.shape[1] / 2))


def class_evidence(
    logits: NDArray[np.floating], prior: NDArray[np.float64], config: FitConfig
) -> NDArray[np.floating]:
    """Take out of (n, classes) logits what the network learned about how common the classes are."""
    evidence: NDArray[np.floating] = logits - prior_in_logits(config) * np.log(prior)
    return evidence


def prior_in_logits(config: FitConfig) -> float:
    """Return the power of the class shares that is in a network's logits.

    A loss weighted by frequency ** -power, or images drawn that way, have taken that power of the prior out already; the adjusted loss has
    taken out all of it.
    """
    return 0.0 if config.loss == "adjusted" else 1 - min(1.0, config.class_power + config.resample_power)


def probabilities(
    evidence: NDArray[np.floating], prior: NDArray[np.float64], temperature: float
) -> NDArray[np.float64]:
    """Return (n, classes) probabilities of (n, classes) evidence."""
    logits = evidence / temperature + np.log(prior)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return result


def fit_temperature(
    evidence: NDArray[np.floating], labels: NDArray[np.int64], prior: NDArray[np.float64]
) -> float:
    """Return the temperature under which held-out answers are most probable.

    Args:
        evidence: (n, classes) of images that the head has not learned from.
        labels: (n,) class indices; negative ones do not count.
        prior: (classes,) shares.
    """
    known = labels >= 0
    if known.sum() < FEW:
        return 1.0
    evidence, labels = evidence[known], labels[known]

    def loss(place: int) -> float:
        return negative_log_likelihood(evidence, labels, prior, float(TEMPERATURES[place]))

    # The loss is convex in the inverse temperature, so it falls up to its least value and rises after it.
    low, high = 0, len(TEMPERATURES) - 1
    while low < high:
        middle = (low + high) // 2
        if loss(middle) <= loss(middle + 1):
            high = middle
        else:
            low = middle + 1
    return float(TEMPERATURES[low])


def negative_log_likelihood(
    evidence: NDArray[np.floating], labels: NDArray[np.int64], prior: NDArray[np.float64], temperature: float
) -> float:
    """Return the mean of -log p of the right classes; all `labels` are class indices."""
    p = probabilities(evidence, prior, temperature)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(p, 1e-12)).mean())


def balanced_answer(p: NDArray[np.floating], prior: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the (n,) classes that would be most probable if all classes were equally common."""
    answer: NDArray[np.int64] = np.argmax(p / prior, axis=1)
    return answer
