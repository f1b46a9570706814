"""The losses of a multi-output model, masked where nobody has answered, and what makes up for rare classes."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from trainer.config import FitConfig
from trainer.evaluation.calibration import class_prior

AttributeLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(N, classes) logits, (N,) class indices, (classes,) weights or shares → the mean over the labelled cells."""


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


def masked_cross_entropy(
    logits: Tensor, labels: Tensor, weights: Tensor, *, smoothing: float = 0.0
) -> Tensor:
    """Return the mean weighted cross-entropy over the labelled cells of one attribute.

    The divisor is the number of labelled cells, not the sum of their weights: a batch that happens to hold a rare
    class weighs more than one that does not, as it should.

    Args:
        logits: (N, classes).
        labels: (N,) class indices; a negative one (can't tell, not labelled) is masked.
        weights: (classes,) of `class_weights`.
        smoothing: Share of the answer that is given to all classes.

    Returns:
        A scalar; 0, with a gradient of 0, if no cell is labelled.
    """
    right = labels.clamp_min(0)
    cells = functional.cross_entropy(logits, right, reduction="none", label_smoothing=smoothing)
    return masked_mean(cells * weights[right], labels)


def masked_adjusted(logits: Tensor, labels: Tensor, shares: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Return the mean cross-entropy of the logits plus the log of the class shares, over the labelled cells.

    Menon et al., "Long-tail learning via logit adjustment" (ICLR 2021): the logits learn what speaks for a class apart from
    how common it is, so the largest one is the class-balanced answer. Arguments as in `masked_cross_entropy`, but for:

    Args:
        logits: (N, classes).
        labels: (N,) class indices, negative where masked.
        shares: (classes,) of `trainer.evaluation.calibration.class_prior`.
        smoothing: Share of the answer that is given to all classes.
    """
    cells = functional.cross_entropy(
        logits + shares.log(), labels.clamp_min(0), reduction="none", label_smoothing=smoothing
    )
    return masked_mean(cells, labels)


def masked_focal(logits: Tensor, labels: Tensor, weights: Tensor, *, gamma: float) -> Tensor:
    """Return the mean weighted focal loss over the labelled cells: (1 - p) ** gamma times the cross-entropy.

    Lin et al., "Focal loss for dense object detection" (ICCV 2017). Arguments as in `masked_cross_entropy`.
    """
    right = labels.clamp_min(0)
    cells = functional.cross_entropy(logits, right, reduction="none")
    return masked_mean(cells * (1 - torch.exp(-cells)) ** gamma * weights[right], labels)


def masked_binary(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean weighted binary cross-entropy of an attribute of two classes: that of the logits' difference.

    Arguments as in `masked_cross_entropy`; the gradient is the same as that of cross-entropy with two classes.
    """
    right = labels.clamp_min(0)
    cells = functional.binary_cross_entropy_with_logits(
        logits[:, 1] - logits[:, 0], right.to(logits.dtype), reduction="none"
    )
    return masked_mean(cells * weights[right], labels)


def masked_multi_label(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean weighted multi-label soft margin loss: each class is asked on its own whether it is there.

    Arguments as in `masked_cross_entropy`.
    """
    right = labels.clamp_min(0)
    targets = functional.one_hot(right, logits.shape[1]).to(logits.dtype)
    cells = functional.multilabel_soft_margin_loss(logits, targets, reduction="none")
    return masked_mean(cells * weights[right], labels)


def masked_mean(cells: Tensor, labels: Tensor) -> Tensor:
    """Return the mean of (N,) losses over the cells whose label is not negative."""
    known = labels.ge(0)
    return (cells * known).sum() / known.sum().clamp_min(1)


def loss_weights(labels: NDArray[np.int64], classes: int, config: FitConfig) -> Tensor:
    """Return what the loss of one attribute is given about its classes: their shares if it is adjusted, or weights."""
    if config.loss == "adjusted":
        return torch.from_numpy(class_prior(labels, classes).astype(np.float32))
    return class_weights(labels, classes, power=config.class_power)


def attribute_loss(config: FitConfig) -> AttributeLoss:
    """Return the loss of one attribute that the settings name."""
    match config.loss:
        case "adjusted":
            return partial(masked_adjusted, smoothing=config.label_smoothing)
        case "focal":
            return partial(masked_focal, gamma=config.focal_gamma)
        case "binary":
            return masked_binary
        case "multi_label":
            return masked_multi_label
        case _:
            return partial(masked_cross_entropy, smoothing=config.label_smoothing)


def multi_output_loss(
    logits: Mapping[str, Tensor],
    labels: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    loss: AttributeLoss = masked_cross_entropy,
    shares: Mapping[str, float] | None = None,
) -> Tensor:
    """Return the mean of a loss over the attributes: each has the same say.

    Args:
        logits: Attribute -> (N, classes).
        labels: Attribute -> (N,) class indices, negative where masked.
        weights: Attribute -> (classes,) of `class_weights`.
        loss: Of one attribute.
        shares: Attribute -> this process's share of the labelled cells of a batch that several processes work on: the
            losses of all of them add up to that of the whole batch.
    """
    losses = [
        loss(logits[name].float(), labels[name], weights[name]) * (1.0 if shares is None else shares[name])
        for name in logits
    ]
    return torch.stack(losses).mean()


def image_weights(
    labels: Mapping[str, NDArray[np.int64]], classes: Mapping[str, int], *, power: float
) -> NDArray[np.float64] | None:
    """Return how often images are to be drawn so that rare classes come more often; None if all alike.

    An image counts with the mean over the attributes of its class's `frequency ** -power`; a cell without an answer
    counts as the mean of those with one.

    Args:
        labels: Attribute -> (n,) class indices, negative where masked.
        classes: Attribute -> number of its classes.
        power: 0 to 1.
    """
    if not power:
        return None
    columns = []
    for name, column in labels.items():
        weights = class_weights(column, classes[name], power=power).numpy()
        columns.append(np.where(column >= 0, weights[np.maximum(column, 0)], 1.0))
    shares = np.mean(columns, axis=0)
    normalised: NDArray[np.float64] = shares / shares.sum()
    return normalised
