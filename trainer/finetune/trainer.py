"""Fine-tuning step by step: the model, the running mean of its weights, the optimizer, and the position in the run.

All randomness comes from the seed and the position in the run (epoch, step, image), never from a generator with a state.
A checkpoint therefore holds only tensors and counters, and on a CPU a resumed run gives the same weights as one that was
never stopped.

The loop is plain Python instead of Lightning. Importing Lightning takes 5 to 7 s, its checkpoints are pickles, which can run
code, and exact resume within an epoch needs a loop whose randomness has no state.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainer.config import FitConfig
from trainer.data.augmentation import augmentation, draw
from trainer.data.dataset import SnapshotImages, epoch_order, train_batches
from trainer.finetune.losses import attribute_loss, image_weights, multi_output_loss
from trainer.finetune.model import MultiOutput
from trainer.finetune.optimization import (
    build_optimizer,
    prepare_for_training,
    rate_factor,
    set_learning_rate,
    update_average,
)
from trainer.finetune.precision import choose_precision
from trainer.finetune.validation import validate
from trainer.runtime import distributed
from trainer.runtime.errors import TrainerError
from trainer.runtime.seeds import mix
from trainer.runtime.tensors import (
    load_checkpoint,
    of_prefix,
    optimizer_tensors,
    remove_checkpoint,
    restore_optimizer,
    save_checkpoint,
    with_prefix,
)

Row = dict[str, float | None]
Step = tuple[Tensor, dict[str, Tensor], dict[str, float] | None]
"""Prepared images, their labels, and the argument `factors` of `trainer.finetune.losses.multi_output_loss`."""


@dataclass
class Position:
    """The position in a run. It is saved with every checkpoint.

    Attributes:
        epoch: Epochs done.
        step: Steps done of the current epoch.
        loss: Sum of the losses of these steps.
        right: Attribute -> correctly answered cells in these steps.
        asked: Attribute -> labelled cells in these steps.
        seconds: Time spent on these steps.
        best_epoch: Number of epochs after which the validation score was best; 0 before the first.
        best_score: The best validation score; None if there is none.
        top: The best epochs and their scores, in falling order.
        history: One row of metrics per epoch.
    """

    epoch: int = 0
    step: int = 0
    loss: float = 0.0
    right: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    best_epoch: int = 0
    best_score: float | None = None
    top: list[tuple[int, float]] = field(default_factory=list)
    history: list[Row] = field(default_factory=list)


class Trainer:
    """Trains a model on a train split and keeps the weights with the best validation score.

    Args:
        model: With its initial weights.
        train: Train images.
        val: Validation images; may be empty.
        weights: Attribute -> (classes,) class weights.
        config: The settings.
        folder: The run folder. Its `checkpoints/` gets `last` and `best`, `top-N` if several epochs are kept, and `start`
            if the initial weights are a part of the result.
    """

    def __init__(
        self,
        model: MultiOutput,
        train: SnapshotImages,
        val: SnapshotImages,
        weights: dict[str, Tensor],
        config: FitConfig,
        folder: Path,
    ) -> None:
        self.device = distributed.device()
        self.model = model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged: MultiOutput = copy.deepcopy(self.model).eval()
        self.start = copy.deepcopy(self.averaged) if config.start_share else None
        self.train = train
        self.val = val
        self.weights = {name: tensor.to(self.device) for name, tensor in weights.items()}
        self.config = config
        self.checkpoints = folder / "checkpoints"
        self.transform = augmentation(config)
        self.loss = attribute_loss(config)
        self.chances = image_weights(train.labels, model.outputs, power=config.resample_power)
        self.position = Position()
        self.optimizer = build_optimizer(self.model, config)
        prepare_for_training(self.model, config)
        self.precision = choose_precision(config, self.model, folder / "precision.json")
        self.parallel: nn.Module = self.model
        self._trained: list[bool] = []
        self._images, self._waited, self._speed = 0, 0.0, 0.0

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        return math.ceil(len(self.train) / self.config.batch_size)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or the last ones have brought no improvement."""
        tried = self.position.epoch - max(self.position.best_epoch, self.config.head_epochs)
        return self.position.epoch >= self.config.epochs or tried >= self.config.patience

    def train_epoch(self, progress: Callable[[int, int, str], None]) -> None:
        """Finish the current epoch and write checkpoints on the way.

        Raises:
            TrainerError: The loss is not finite.
        """
        position, config = self.position, self.config
        total = self.steps * config.epochs
        prepare_for_training(self.model, config, epoch=position.epoch)
        self._join()
        begun = started = time.perf_counter()
        self._images, self._waited = 0, 0.0
        for images, labels, factors in self.batches(position.epoch, start=position.step):
            done = position.epoch * self.steps + position.step
            set_learning_rate(self.optimizer, rate_factor(config, step=done, steps=self.steps))
            torch.manual_seed(
                mix(config.seed, position.epoch, position.step, 1 + distributed.rank())
            )  # dropout
            value, logits = self.descend(images, labels, factors)
            if not math.isfinite(value):
                raise TrainerError(
                    f"The loss became {value} in step {position.step + 1} of epoch {position.epoch + 1}.",
                    f"The checkpoint of the {position.epoch} epochs before it is kept."
                    if position.epoch
                    else "Nothing of the run is kept.",
                    "Fit into another folder with a lower learning rate.",
                )
            update_average(self.averaged, self.model, decay=config.ema_decay, step=done)
            self._count(logits, labels)
            position.loss += value
            position.step += 1
            self._images += len(images)
            now = time.perf_counter()
            position.seconds, started = position.seconds + now - started, now
            if position.step % config.checkpoint_steps == 0 and position.step < self.steps:
                self.save()
            progress(done + 1, total, self._message())
        self._speed = self._images / max(time.perf_counter() - begun - self._waited, 1e-9)

    def _join(self) -> None:
        """Let the processes share the gradients of the parameters that are trained now."""
        trained = [parameter.requires_grad for parameter in self.model.parameters()]
        if trained != self._trained:
            self.parallel = self.model  # the hooks of the former one go first
            self.parallel, self._trained = distributed.parallel(self.model), trained

    def batches(self, epoch: int, *, start: int = 0) -> Iterator[Step]:
        """Yield the arguments of `descend`: this process's part of an epoch's batches, from step `start` on."""
        config = self.config
        order = epoch_order(
            len(self.train), config.batch_size, seed=config.seed, epoch=epoch, weights=self.chances
        )
        whole = order[start:]
        mine = [items[distributed.rank() :: distributed.count()] for items in whole]
        augment = partial(draw, self.transform, config.seed, epoch)
        parts = train_batches(self.train, mine, augment, workers=config.workers)
        for items, batch in zip(whole, parts, strict=True):
            labels = {name: column.to(self.device) for name, column in batch.labels.items()}
            yield self.model.prepare(batch.images.to(self.device)), labels, self._factors(items, batch.labels)

    def descend(
        self, images: Tensor, labels: dict[str, Tensor], factors: dict[str, float] | None
    ) -> tuple[float, dict[str, Tensor]]:
        """Take one optimization step at the current learning rate; return the loss before it and the logits.

        If the loss is not finite, the weights do not change.
        """
        with torch.autocast(self.device.type, dtype=self.precision, enabled=self.precision != torch.float32):
            logits = self.parallel(images)
        loss = multi_output_loss(logits, labels, self.weights, self.loss, factors)
        loss.item()  # this process has done its part
        started = time.perf_counter()
        value = distributed.summed(loss.detach().clone()).item() / distributed.count()
        self._waited += time.perf_counter() - started
        if math.isfinite(value):
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip)
            self.optimizer.step()
            distributed.average_statistics(self.model)
        return value, logits

    def _factors(self, items: list[int], mine: dict[str, Tensor]) -> dict[str, float] | None:
        """Return the weights of this process's losses for the images of a whole batch; None for a single process."""
        if distributed.count() == 1:
            return None
        whole = {name: max(1, int((self.train.labels[name][items] >= 0).sum())) for name in mine}
        return {name: distributed.count() * int((own >= 0).sum()) / whole[name] for name, own in mine.items()}

    def _message(self) -> str:
        """Return the text of the progress bar."""
        position = self.position
        speed = position.step * len(self.train) / self.steps / max(position.seconds, 1e-9)
        best = ""
        if position.best_score is not None:
            best = f", best {self.config.monitor} {abs(position.best_score):.3f}"
        epoch = f"epoch {position.epoch + 1} of at most {self.config.epochs}"
        several = f" in {distributed.count()} processes" if distributed.count() > 1 else ""
        return f"{epoch}: loss {position.loss / position.step:.3f}, {speed:.0f} images/s{several}{best}"

    def _count(self, logits: dict[str, Tensor], labels: dict[str, Tensor]) -> None:
        counts = []
        for name, answers in logits.items():
            labelled = labels[name] >= 0
            counts += [(answers.argmax(dim=1) == labels[name])[labelled].sum(), labelled.sum()]
        numbers = iter(distributed.summed(torch.stack(counts)).tolist())
        for name in logits:
            self.position.right[name] = self.position.right.get(name, 0) + next(numbers)
            self.position.asked[name] = self.position.asked.get(name, 0) + next(numbers)

    def end_epoch(self, progress: Callable[[int, int, str], None] = lambda *_: None) -> None:
        """Validate, record the metrics, and keep the weights if they are among the best so far."""
        position = self.position
        kept = self._kept()
        done, total = (position.epoch + 1) * self.steps, self.steps * self.config.epochs
        message = f"epoch {position.epoch + 1} of at most {self.config.epochs}: validating"

        def validating(_: int) -> None:
            progress(done, total, message)

        validation = validate(kept, self.val, self.weights, self.loss, self.config, validating)
        accuracies = [value for value in validation.balanced_accuracy.values() if value is not None]
        row: Row = {
            "epoch": position.epoch + 1,
            "loss": position.loss / self.steps,
            "val_loss": validation.loss,
            "seconds": position.seconds,
            **self._speeds(),
            **self._rates(),
            "val_balanced_accuracy": sum(accuracies) / len(accuracies) if accuracies else None,
        }
        for name in self.model.outputs:
            asked = position.asked.get(name, 0)
            row[f"train_accuracy:{name}"] = position.right[name] / asked if asked else None
            row[f"val_accuracy:{name}"] = validation.accuracy[name]
            row[f"val_balanced_accuracy:{name}"] = validation.balanced_accuracy[name]
        position.history.append(row)
        position.epoch, position.step, position.loss, position.seconds = position.epoch + 1, 0, 0.0, 0.0
        position.right, position.asked = {}, {}
        self._keep_if_good(validation.score(self.config), row, kept.state_dict())
        self.save()
        for number in range(1, position.epoch + 1):
            if distributed.rank() == 0 and number not in {epoch for epoch, _ in position.top}:
                remove_checkpoint(self.checkpoints, f"top-{number}")

    def _speeds(self) -> Row:
        """Return the images per second of all processes together, and of each without its waiting for the others' forward pass."""
        speeds: Row = {"images_per_second": len(self.train) / self.position.seconds}
        if distributed.count() > 1:
            each = distributed.gathered({distributed.rank(): self._speed})
            speeds |= {f"images_per_second:{number}": each[number] for number in sorted(each)}
        return speeds

    def _rates(self) -> Row:
        """Return the learning rates of the last step; the rate of a completely frozen backbone is 0."""
        group, config = self.optimizer.param_groups[0], self.config
        factor = group["lr"] / group["peak"]
        moves = any(p.requires_grad for p in self.model.backbone.parameters())
        return {
            "learning_rate": factor * config.learning_rate if moves else 0.0,
            "head_learning_rate": factor * config.head_learning_rate,
        }

    def _kept(self) -> MultiOutput:
        """Return the model that is validated and saved: the running mean of the weights, mixed with the initial weights.

        Wortsman et al., "Robust fine-tuning of zero-shot models" (CVPR 2022): models on the straight line between both
        are better than at either end.
        """
        if self.start is None:
            return self.averaged
        kept = copy.deepcopy(self.averaged)
        with torch.no_grad():
            for weights, first in zip(kept.parameters(), self.start.parameters(), strict=True):
                weights.lerp_(first, self.config.start_share)
        return kept

    def _keep_if_good(self, score: float | None, row: Row, tensors: dict[str, Tensor]) -> None:
        """Write the weights as `best` if they are the best, and as `top-N` if they are among the epochs to keep."""
        position = self.position
        if score is None or position.best_score is None or score > position.best_score:
            position.best_epoch, position.best_score = position.epoch, score
            self._write("best", position.epoch, tensors, row)
        if self.config.keep_top > 1 and score is not None:
            ranked = sorted([*position.top, (position.epoch, score)], key=lambda entry: -entry[1])
            position.top = ranked[: self.config.keep_top]
            if position.epoch in {epoch for epoch, _ in position.top}:
                self._write(f"top-{position.epoch}", position.epoch, tensors, row)

    def _write(self, name: str, serial: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        if distributed.rank() == 0:
            save_checkpoint(self.checkpoints, name, serial, tensors, state)

    def save(self) -> None:
        """Replace the checkpoint `last`."""
        tensors = {
            **with_prefix("model", self.model.state_dict()),
            **with_prefix("averaged", self.averaged.state_dict()),
            **with_prefix("optimizer", optimizer_tensors(self.optimizer)),
        }
        serial = self.position.epoch * self.steps + self.position.step
        self._write("last", serial, tensors, asdict(self.position))

    def resume(self) -> bool:
        """Continue from the checkpoint `last`; return whether it exists."""
        checkpoint = load_checkpoint(self.checkpoints, "last")
        if checkpoint is None:
            if self.start is not None:
                self._write("start", 0, self.start.state_dict(), {})
            return False
        tensors, state = checkpoint
        self.model.load_state_dict(of_prefix("model", tensors))
        self.averaged.load_state_dict(of_prefix("averaged", tensors))
        restore_optimizer(self.optimizer, of_prefix("optimizer", tensors))
        if self.start is not None:
            first = load_checkpoint(self.checkpoints, "start")
            assert first is not None, "it was written before the first step"
            self.start.load_state_dict(first[0])
        self.position = Position(**{**state, "top": [tuple(entry) for entry in state["top"]]})
        return True

    def restore_best(self) -> dict[str, Any]:
        """Load the best weights into `averaged` and return their row of metrics."""
        distributed.wait_for_all()
        checkpoint = load_checkpoint(self.checkpoints, "best")
        assert checkpoint is not None, "an epoch always leaves a best checkpoint"
        self.averaged.load_state_dict(checkpoint[0])
        return checkpoint[1]
