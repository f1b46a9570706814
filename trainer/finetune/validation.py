"""The metrics of an epoch on the val split."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.config import FitConfig
from trainer.data.dataset import SnapshotImages
from trainer.finetune.losses import AttributeLoss, multi_output_loss
from trainer.finetune.model import MultiOutput
from trainer.finetune.saved_model import compute_logits

Metrics = dict[str, float | None]


@dataclass(frozen=True)
class Validation:
    """Metrics per attribute, None if they cannot be computed, and the loss over all attributes.

    Attributes:
        accuracy: Proportion of right answers.
        balanced_accuracy: Mean recall over the classes that occur.
        loss: The training loss on the val images; None without a labelled image.
    """

    accuracy: Metrics
    balanced_accuracy: Metrics
    loss: float | None

    def score(self, config: FitConfig) -> float | None:
        """Return the monitored metric; higher is better."""
        if config.monitor == "loss":
            return None if self.loss is None else -self.loss
        metrics = self.accuracy if config.monitor == "accuracy" else self.balanced_accuracy
        values = [value for value in metrics.values() if value is not None]
        return float(np.mean(values)) if values else None


def validate(
    model: MultiOutput,
    images: SnapshotImages,
    weights: dict[str, Tensor],
    loss: AttributeLoss,
    config: FitConfig,
    progress: Callable[[int], None],
) -> Validation:
    """Return the metrics of a model in evaluation mode on labelled images; `progress` is called after every batch."""
    answers = compute_logits(
        model, images, batch_size=2 * config.batch_size, workers=config.workers, progress=progress
    )
    predicted = {name: logits.argmax(axis=1) for name, logits in answers.items()}
    return Validation(
        {name: accuracy(classes, images.labels[name]) for name, classes in predicted.items()},
        {name: balanced_accuracy(classes, images.labels[name]) for name, classes in predicted.items()},
        _loss(answers, images, weights, loss) if len(images) else None,
    )


def _loss(
    answers: dict[str, NDArray[np.float32]],
    images: SnapshotImages,
    weights: dict[str, Tensor],
    loss: AttributeLoss,
) -> float:
    logits = {name: torch.from_numpy(values) for name, values in answers.items()}
    labels = {name: torch.from_numpy(images.labels[name]) for name in answers}
    on_cpu = {name: tensor.cpu() for name, tensor in weights.items()}
    return multi_output_loss(logits, labels, on_cpu, loss).item()


def accuracy(predicted: NDArray[np.int64], labels: NDArray[np.int64]) -> float | None:
    """Return the proportion of right answers among (n,) class indices; None if there is no label (all are negative)."""
    labelled = labels >= 0
    return float((predicted[labelled] == labels[labelled]).mean()) if labelled.any() else None


def balanced_accuracy(predicted: NDArray[np.int64], labels: NDArray[np.int64]) -> float | None:
    """Return the mean recall over the classes that occur; None if fewer than two occur.

    Args:
        predicted: (n,) class indices.
        labels: (n,) class indices; negative ones do not count.
    """
    present = np.unique(labels[labels >= 0])
    if len(present) < 2:
        return None
    return float(np.mean([(predicted[labels == value] == value).mean() for value in present]))
