"""The loss of a multi-output model: cross-entropy per cell, masked where nobody has answered."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


def class_weights(labels: NDArray[np.int64], classes: int, *, power: float = 0.5) -> Tensor:
    """Weigh the classes of one attribute so that rare ones are not lost among common ones.

    A class gets `frequency ** -power`: 0 leaves classes as they are, 1 gives all the same say in the loss. Between
    them, the square root lifts a class of one per cent tenfold and not hundredfold, which a handful of images of it
    could not bear.

    Args:
        labels: (n,) class indices; a negative one is no answer and does not count.
        classes: Number of classes.
        power: 0 to 1.

    Returns:
        (classes,) float32 weights whose mean over the labelled cells is 1; 0 for a class that does not occur.
    """
    counts = np.bincount(labels[labels >= 0], minlength=classes).astype(np.float64)
    weights = np.zeros(classes)
    occurs = counts > 0
    weights[occurs] = counts[occurs] ** -power
    if occurs.any():
        weights *= counts.sum() / (weights * counts).sum()
    return torch.from_numpy(weights.astype(np.float32))


def masked_cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean weighted cross-entropy over the labelled cells of one attribute.

    The divisor is the number of labelled cells, not the sum of their weights: a batch that happens to hold a rare
    class weighs more than one that does not, as it should.

    Args:
        logits: (N, classes).
        labels: (N,) class indices; a negative one (can't tell, not labelled) is masked.
        weights: (classes,) of `class_weights`.

    Returns:
        A scalar; 0, with a gradient of 0, if no cell is labelled.
    """
    masked = functional.cross_entropy(
        logits, labels.clamp_min(0), weight=weights, reduction="none"
    ) * labels.ge(0)
    return masked.sum() / labels.ge(0).sum().clamp_min(1)


def multi_output_loss(
    logits: Mapping[str, Tensor], labels: Mapping[str, Tensor], weights: Mapping[str, Tensor]
) -> Tensor:
    """Return the mean of `masked_cross_entropy` over the attributes: each has the same say.

    Args:
        logits: Attribute -> (N, classes).
        labels: Attribute -> (N,) class indices, negative where masked.
        weights: Attribute -> (classes,) of `class_weights`.
    """
    losses = [masked_cross_entropy(logits[name], labels[name], weights[name]) for name in logits]
    return torch.stack(losses).mean()
