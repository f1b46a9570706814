"""Turn a head's logits into calibrated probabilities.

The logits of this module are class-balanced: they say what an image shows about the classes, apart from how common the
classes are. Probabilities are `softmax(logits / temperature + log prior)`, where the prior is the frequency of the
classes among the labelled images: they estimate how often such an answer is right among images like the labelled ones.
Division by the prior gives the class-balanced answer (`trainer.stats.class_balanced`; Menon et al., "Long-tail
learning via logit adjustment", ICLR 2021). The temperature is that of Guo et al., "On calibration of modern neural
networks" (ICML 2017).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.config import FitConfig

TEMPERATURES = np.geomspace(0.5, 8, 97)
FEW = 20
"""With fewer held-out cells than this, a fitted temperature would be noise, so it stays 1."""


def class_prior(labels: NDArray[Any], classes: int) -> NDArray[np.float64]:
    """Return the (classes,) frequencies of the classes; half an image is added to each so that none is impossible.

    Args:
        labels: (n,) class indices, of which negative ones do not count, or (n, classes) probabilities.
        classes: Number of classes.
    """
    if labels.ndim == 2:
        counts = labels.sum(axis=0, dtype=np.float64) + 0.5
    else:
        counts = np.bincount(labels[labels >= 0], minlength=classes) + 0.5
    prior: NDArray[np.float64] = counts / counts.sum()
    return prior


def expected_prior(p: NDArray[np.float32], prior: NDArray[np.float64], images: int) -> NDArray[np.float64]:
    """Return the (classes,) class frequencies that a model expects in a pool, for class-balanced answers to it.

    Labelled images are chosen for what they show. Such a choice leaves the probability of a class given an image
    unchanged, but not the frequency of the class (covariate shift: Shimodaira, "Improving predictive inference under
    covariate shift", 2000). The result is therefore the mean probability of each class, with half an image added to
    each so that none is impossible. A class that no labelled image shows keeps its value in `prior`.

    Args:
        p: (n, classes) calibrated probabilities of all images of the pool.
        prior: (classes,) `class_prior` of the labelled train images.
        images: Number of labelled train images.
    """
    never = prior * (images + len(prior) / 2) < 1
    return np.where(never, prior, (p.sum(axis=0, dtype=np.float64) + 0.5) / (len(p) + p.shape[1] / 2))


def balanced_logits(
    logits: NDArray[np.floating], prior: NDArray[np.float64], config: FitConfig
) -> NDArray[np.floating]:
    """Remove from (n, classes) logits of a network what it learned about the frequency of the classes."""
    balanced: NDArray[np.floating] = logits - prior_in_logits(config) * np.log(prior)
    return balanced


def prior_in_logits(config: FitConfig) -> float:
    """Return the power of the class prior that a network's logits contain.

    A loss weighted by frequency ** -power, or images drawn with that weight, have already removed that power of the
    prior. The adjusted loss has removed the whole prior.
    """
    return 0.0 if config.loss == "adjusted" else 1 - min(1.0, config.class_power + config.resample_power)


def probabilities(
    logits: NDArray[np.floating], prior: NDArray[np.float64], temperature: float
) -> NDArray[np.float64]:
    """Return the (n, classes) probabilities of (n, classes) class-balanced logits."""
    scaled = logits / temperature + np.log(prior)
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    result: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return result


def fit_temperature(logits: NDArray[np.floating], labels: NDArray[Any], prior: NDArray[np.float64]) -> float:
    """Return the temperature that makes the held-out labels most probable.

    Args:
        logits: (n, classes) class-balanced, of images that the head has not learned from.
        labels: (n,) class indices, of which negative ones do not count, or (n, classes) probabilities.
        prior: (classes,) frequencies.
    """
    labelled = labels >= 0 if labels.ndim == 1 else np.ones(len(labels), bool)
    if labelled.sum() < FEW:
        return 1.0
    logits, labels = logits[labelled], labels[labelled]

    def loss(place: int) -> float:
        return negative_log_likelihood(logits, labels, prior, float(TEMPERATURES[place]))

    # The loss is convex in the inverse temperature, so a binary search finds its minimum.
    low, high = 0, len(TEMPERATURES) - 1
    while low < high:
        middle = (low + high) // 2
        if loss(middle) <= loss(middle + 1):
            high = middle
        else:
            low = middle + 1
    return float(TEMPERATURES[low])


def negative_log_likelihood(
    logits: NDArray[np.floating], labels: NDArray[Any], prior: NDArray[np.float64], temperature: float
) -> float:
    """Return the mean of -log p of the right classes, or the mean cross-entropy with (n, classes) probabilities of them.

    No label is negative.
    """
    p = probabilities(logits, prior, temperature)
    if labels.ndim == 2:
        return float(-(labels * np.log(np.maximum(p, 1e-12))).sum(axis=1).mean())
    return float(-np.log(np.maximum(p[np.arange(len(labels)), labels], 1e-12)).mean())
