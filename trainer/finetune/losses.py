"""The losses of a multi-output model, masked where there is no label, and the weights of rare classes."""

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
"""(N, classes) logits, (N,) class indices, (classes,) weights or class prior → the mean over the labelled cells."""


def class_weights(labels: NDArray[np.int64], classes: int, *, power: float = 0.5) -> Tensor:
    """Return class weights of one attribute that keep rare classes from being lost among common ones.

    A class gets `frequency ** -power`: with 0 all classes have weight 1, with 1 all classes have the same total weight.
    The square root raises a class of one per cent tenfold and not hundredfold, which a handful of images could not bear.

    Args:
        labels: (n,) class indices; negative ones do not count.
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

    The divisor is the number of labelled cells, not the sum of their weights. A batch with a rare class therefore weighs
    more than one without, as it should.

    Args:
        logits: (N, classes).
        labels: (N,) class indices; negative ones (can't tell, not labelled) are masked.
        weights: (classes,) of `class_weights`.
        smoothing: Proportion of the target that is given to all classes.

    Returns:
        A scalar; 0, with a gradient of 0, if no cell is labelled.
    """
    right = labels.clamp_min(0)
    cells = functional.cross_entropy(logits, right, reduction="none", label_smoothing=smoothing)
    return masked_mean(cells * weights[right], labels)


def masked_adjusted(logits: Tensor, labels: Tensor, prior: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Return the mean cross-entropy of the logits plus the log of the class prior, over the labelled cells.

    Menon et al., "Long-tail learning via logit adjustment" (ICLR 2021): the logits learn what speaks for a class apart from
    how common it is, so the largest logit is the class-balanced answer.

    Args:
        logits: (N, classes).
        labels: (N,) class indices, negative where masked.
        prior: (classes,) of `trainer.evaluation.calibration.class_prior`.
        smoothing: Proportion of the target that is given to all classes.
    """
    cells = functional.cross_entropy(
        logits + prior.log(), labels.clamp_min(0), reduction="none", label_smoothing=smoothing
    )
    return masked_mean(cells, labels)


def masked_focal(logits: Tensor, labels: Tensor, weights: Tensor, *, gamma: float) -> Tensor:
    """Return the mean weighted focal loss over the labelled cells: (1 - p) ** gamma times the cross-entropy.

    Lin et al., "Focal loss for dense object detection" (ICCV 2017). The arguments are those of `masked_cross_entropy`.
    """
    right = labels.clamp_min(0)
    cells = functional.cross_entropy(logits, right, reduction="none")
    return masked_mean(cells * (1 - torch.exp(-cells)) ** gamma * weights[right], labels)


def masked_binary(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean weighted binary cross-entropy, on the difference of the logits, of an attribute of two classes.

    The arguments are those of `masked_cross_entropy`; the gradient equals that of cross-entropy with two classes.
    """
    right = labels.clamp_min(0)
    cells = functional.binary_cross_entropy_with_logits(
        logits[:, 1] - logits[:, 0], right.to(logits.dtype), reduction="none"
    )
    return masked_mean(cells * weights[right], labels)


def masked_multi_label(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean weighted multi-label soft margin loss, which treats each class as a separate yes-or-no question.

    The arguments are those of `masked_cross_entropy`.
    """
    right = labels.clamp_min(0)
    targets = functional.one_hot(right, logits.shape[1]).to(logits.dtype)
    cells = functional.multilabel_soft_margin_loss(logits, targets, reduction="none")
    return masked_mean(cells * weights[right], labels)


def masked_mean(cells: Tensor, labels: Tensor) -> Tensor:
    """Return the mean of (N,) losses over the cells whose label is not negative."""
    labelled = labels.ge(0)
    return (cells * labelled).sum() / labelled.sum().clamp_min(1)


def loss_weights(labels: NDArray[np.int64], classes: int, config: FitConfig) -> Tensor:
    """Return the class prior of one attribute for the adjusted loss, or its class weights for the other losses."""
    if config.loss == "adjusted":
        return torch.from_numpy(class_prior(labels, classes).astype(np.float32))
    return class_weights(labels, classes, power=config.class_power)


def attribute_loss(config: FitConfig) -> AttributeLoss:
    """Return the loss of one attribute according to the settings."""
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
    factors: Mapping[str, float] | None = None,
) -> Tensor:
    """Return the mean of a loss over the attributes, which all have the same weight.

    Args:
        logits: Attribute -> (N, classes).
        labels: Attribute -> (N,) class indices, negative where masked.
        weights: Attribute -> (classes,) of `class_weights`.
        loss: The loss of one attribute.
        factors: Attribute -> this process's labelled cells in proportion to the mean over the processes that share a
            batch. The mean of the losses of all processes is then the loss of the whole batch.
    """
    losses = [
        loss(logits[name].float(), labels[name], weights[name]) * (1.0 if factors is None else factors[name])
        for name in logits
    ]
    return torch.stack(losses).mean()


def image_weights(
    labels: Mapping[str, NDArray[np.int64]], classes: Mapping[str, int], *, power: float
) -> NDArray[np.float64] | None:
    """Return the probabilities of drawing the images, so that rare classes come more often; None if all are equal.

    The weight of an image is the mean over the attributes of its class's `frequency ** -power`. A cell without a label
    counts like the mean of the labelled ones.

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
    means = np.mean(columns, axis=0)
    probabilities: NDArray[np.float64] = means / means.sum()
    return probabilities
