"""Fine-tuning step by step: the model, its running mean, the optimizer, and where in the run they are.

Everything random is drawn from the seed and the place in the run (epoch, step, image), never from a generator that
carries a state. So a checkpoint holds tensors and counters only, and on a CPU a resumed run gives the same weights as
one that was never stopped.
"""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainer.checkpoint import (
    load_checkpoint,
    of_prefix,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
    with_prefix,
)
from trainer.config import FitConfig
from trainer.dataset import SnapshotImages, epoch_order, train_batches
from trainer.errors import TrainerError
from trainer.losses import multi_output_loss
from trainer.multi_output import MultiOutput
from trainer.optimization import adamw, prepare_for_training, set_learning_rate, update_average
from trainer.saved_model import compute_logits
from trainer.seeds import mix
from trainer.transforms import augmentation, draw


@dataclass
class Place:
    """Where a run is. It is saved with every checkpoint.

    Attributes:
        epoch: Epochs done.
        step: Steps done of the epoch after them.
        loss: Sum of those steps' losses.
        seconds: Time spent on those steps.
        best_epoch: Number of epochs after which the validation score was best; 0 before the first.
        best_score: That score; None without a validation score.
        history: One row of metrics per epoch.
    """

    epoch: int = 0
    step: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    best_epoch: int = 0
    best_score: float | None = None
    history: list[dict[str, float | None]] = field(default_factory=list)


class Learner:
    """Trains a model on the images of a split and keeps the weights that validate best.

    Args:
        model: With its starting weights.
        train: Images to learn from.
        val: Images to validate on; may be empty.
        weights: Attribute -> (classes,) class weights.
        config: The settings.
        checkpoints: The folder of the checkpoints `last` and `best`.
    """

    def __init__(
        self,
        model: MultiOutput,
        train: SnapshotImages,
        val: SnapshotImages,
        weights: dict[str, Tensor],
        config: FitConfig,
        checkpoints: Path,
    ) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.model).eval()
        self.train = train
        self.val = val
        self.weights = {name: tensor.to(self.device) for name, tensor in weights.items()}
        self.config = config
        self.checkpoints = checkpoints
        self.transform = augmentation(config)
        self.place = Place()
        prepare_for_training(self.model, config)
        self.optimizer = adamw(self.model, config)

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return math.ceil(len(self.train) / self.config.batch_size)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or the last ones have brought nothing."""
        tried = self.place.epoch - self.place.best_epoch
        return self.place.epoch >= self.config.epochs or tried >= self.config.patience

    def train_epoch(self, progress: Callable[[int, int, str], None]) -> None:
        """Finish the epoch that the run is in, and write checkpoints on the way.

        Raises:
            TrainerError: The loss is not finite.
        """
        place, config = self.place, self.config
        batches = epoch_order(len(self.train), config.batch_size, seed=config.seed, epoch=place.epoch)
        total = self.steps * config.epochs
        augment = partial(draw, self.transform, config.seed, place.epoch)
        started = time.perf_counter()
        for batch in train_batches(self.train, batches[place.step :], augment, workers=config.workers):
            done = place.epoch * self.steps + place.step
            torch.manual_seed(mix(config.seed, place.epoch, place.step, 1))  # dropout
            labels = {name: column.to(self.device) for name, column in batch.labels.items()}
            images = self.model.backbone.normalise(batch.images.to(self.device))
            place.loss += self._step(images, labels, done, total)
            place.step += 1
            now = time.perf_counter()
            place.seconds, started = place.seconds + now - started, now
            if place.step % config.checkpoint_steps == 0 and place.step < self.steps:
                self.save()
            progress(done + 1, total, f"epoch {place.epoch + 1} of at most {config.epochs}")

    def _step(self, images: Tensor, labels: dict[str, Tensor], done: int, total: int) -> float:
        config = self.config
        set_learning_rate(self.optimizer, step=done, warmup=config.warmup_epochs * self.steps, total=total)
        loss = multi_output_loss(self.model(images), labels, self.weights)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainerError(
                f"The loss became {value} in step {self.place.step + 1} of epoch {self.place.epoch + 1}.",
                f"The checkpoint of the {self.place.epoch} epochs before it is kept.",
                "Fit into another folder with a lower learning rate.",
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), config.gradient_clip)
        self.optimizer.step()
        update_average(self.averaged, self.model, decay=config.ema_decay, step=done)
        return value

    def end_epoch(self) -> None:
        """Validate, note the figures, and keep the weights if they are the best so far."""
        place = self.place
        figures = self.validate()
        known = [value for value in figures.values() if value is not None]
        score = float(np.mean(known)) if known else None
        row: dict[str, float | None] = {
            "epoch": place.epoch + 1,
            "loss": place.loss / self.steps,
            "seconds": place.seconds,
            "images_per_second": len(self.train) / place.seconds,
            "val_balanced_accuracy": score,
        }
        row |= {f"val_balanced_accuracy:{name}": value for name, value in figures.items()}
        place.history.append(row)
        place.epoch, place.step, place.loss, place.seconds = place.epoch + 1, 0, 0.0, 0.0
        if score is None or place.best_score is None or score > place.best_score:
            place.best_epoch, place.best_score = place.epoch, score
            save_checkpoint(self.checkpoints, "best", place.epoch, self.averaged.state_dict(), row)
        self.save()

    def validate(self) -> dict[str, float | None]:
        """Return attribute -> balanced accuracy of the running mean on the validation images."""
        answers = compute_logits(
            self.averaged,
            self.val,
            batch_size=2 * self.config.batch_size,
            workers=self.config.workers,
            progress=lambda _: None,
        )
        return {
            name: balanced_accuracy(logits.argmax(axis=1), self.val.labels[name])
            for name, logits in answers.items()
        }

    def save(self) -> None:
        """Replace the checkpoint `last`."""
        tensors = {
            **with_prefix("model", self.model.state_dict()),
            **with_prefix("averaged", self.averaged.state_dict()),
            **with_prefix("optimizer", optimizer_tensors(self.optimizer)),
        }
        serial = self.place.epoch * self.steps + self.place.step
        save_checkpoint(self.checkpoints, "last", serial, tensors, asdict(self.place))

    def resume(self) -> bool:
        """Go on from the checkpoint `last`; return whether there is one."""
        checkpoint = load_checkpoint(self.checkpoints, "last")
        if checkpoint is None:
            return False
        tensors, state = checkpoint
        self.model.load_state_dict(of_prefix("model", tensors))
        self.averaged.load_state_dict(of_prefix("averaged", tensors))
        restore_optimizer(self.optimizer, of_prefix("optimizer", tensors))
        self.place = Place(**state)
        return True

    def restore_best(self) -> dict[str, Any]:
        """Put the best weights into `averaged` and return their row of metrics."""
        checkpoint = load_checkpoint(self.checkpoints, "best")
        assert checkpoint is not None, "an epoch always leaves a best checkpoint"
        self.averaged.load_state_dict(checkpoint[0])
        return checkpoint[1]


def balanced_accuracy(predicted: np.ndarray, labels: np.ndarray) -> float | None:
    """Return the mean recall over the classes that occur; None if fewer than two do.

    Args:
        predicted: (n,) class indices.
        labels: (n,) class indices; a negative one does not count.
    """
    present = np.unique(labels[labels >= 0])
    if len(present) < 2:
        return None
    return float(np.mean([(predicted[labels == value] == value).mean() for value in present]))
