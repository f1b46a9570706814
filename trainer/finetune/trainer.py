"""Fine-tuning step by step: the model, its running mean, the optimizer, and where in the run they are.

Everything random is drawn from the seed and the place in the run (epoch, step, image), never from a generator that
carries a state. So a checkpoint holds tensors and counters only, and on a CPU a resumed run gives the same weights as
one that was never stopped.
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


@dataclass
class Place:
    """Where a run is. It is saved with every checkpoint.

    Attributes:
        epoch: Epochs done.
        step: Steps done of the epoch after them.
        loss: Sum of those steps' losses.
        right: Attribute -> cells that those steps answered rightly.
        asked: Attribute -> labelled cells of those steps.
        seconds: Time spent on those steps.
        best_epoch: Number of epochs after which the validation score was best; 0 before the first.
        best_score: That score; None without a validation score.
        top: The best epochs and their scores, the best first.
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


class Learner:
    """Trains a model on the images of a split and keeps the weights that validate best.

    Args:
        model: With its starting weights.
        train: Images to learn from.
        val: Images to validate on; may be empty.
        weights: Attribute -> (classes,) class weights.
        config: The settings.
        folder: Of the run; `checkpoints/` in it gets `last`, `best`, if more are kept `top-N`, and `start` if its
            weights have a share in the end.
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
        self.place = Place()
        self.optimizer = build_optimizer(self.model, config)
        prepare_for_training(self.model, config)
        self.precision = choose_precision(config, self.model, folder / "precision.json")

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return math.ceil(len(self.train) / self.config.batch_size)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or the last ones have brought nothing."""
        tried = self.place.epoch - max(self.place.best_epoch, self.config.head_epochs)
        return self.place.epoch >= self.config.epochs or tried >= self.config.patience

    def train_epoch(self, progress: Callable[[int, int, str], None]) -> None:
        """Finish the epoch that the run is in, and write checkpoints on the way.

        Raises:
            TrainerError: The loss is not finite.
        """
        place, config = self.place, self.config
        total = self.steps * config.epochs
        prepare_for_training(self.model, config, epoch=place.epoch)
        started = time.perf_counter()
        for images, labels in self.batches(place.epoch, start=place.step):
            done = place.epoch * self.steps + place.step
            set_learning_rate(self.optimizer, rate_factor(config, step=done, steps=self.steps))
            torch.manual_seed(mix(config.seed, place.epoch, place.step, 1 + distributed.rank()))  # dropout
            value, logits = self.descend(images, labels)
            if not math.isfinite(value):
                raise TrainerError(
                    f"The loss became {value} in step {place.step + 1} of epoch {place.epoch + 1}.",
                    f"The checkpoint of the {place.epoch} epochs before it is kept."
                    if place.epoch
                    else "Nothing was kept of it.",
                    "Fit into another folder with a lower learning rate.",
                )
            update_average(self.averaged, self.model, decay=config.ema_decay, step=done)
            self._count(logits, labels)
            place.loss += value
            place.step += 1
            now = time.perf_counter()
            place.seconds, started = place.seconds + now - started, now
            if place.step % config.checkpoint_steps == 0 and place.step < self.steps:
                self.save()
            progress(done + 1, total, self._words())

    def batches(self, epoch: int, *, start: int = 0) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
        """Yield this process's images and labels of an epoch's steps from `start` on, prepared, on the device."""
        config = self.config
        order = epoch_order(
            len(self.train), config.batch_size, seed=config.seed, epoch=epoch, weights=self.chances
        )
        mine = [items[distributed.rank() :: distributed.count()] for items in order[start:]]
        augment = partial(draw, self.transform, config.seed, epoch)
        for batch in train_batches(self.train, mine, augment, workers=config.workers):
            labels = {name: column.to(self.device) for name, column in batch.labels.items()}
            yield self.model.prepare(batch.images.to(self.device)), labels

    def descend(self, images: Tensor, labels: dict[str, Tensor]) -> tuple[float, dict[str, Tensor]]:
        """Move the weights one step at the present learning rate, and return the loss before it and the logits.

        If the loss is not finite, the weights stay as they are.
        """
        with torch.autocast(self.device.type, dtype=self.precision, enabled=self.precision != torch.float32):
            logits = self.model(images)
        loss = multi_output_loss(logits, labels, self.weights, self.loss, self._shares(labels))
        value = distributed.summed(loss.detach().clone()).item()
        if math.isfinite(value):
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            distributed.add_gradients(self.model)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip)
            self.optimizer.step()
            distributed.average_statistics(self.model)
        return value, logits

    def _shares(self, labels: dict[str, Tensor]) -> dict[str, float] | None:
        """This process's share of the labelled cells of every attribute in the batch; None for one process."""
        if distributed.count() == 1:
            return None
        mine = torch.stack([(column >= 0).sum() for column in labels.values()]).double()
        all_of_them = distributed.summed(mine.clone()).clamp_min(1)
        return dict(zip(labels, (mine / all_of_them).tolist(), strict=True))

    def _words(self) -> str:
        """What the progress bar says: the figures that matter."""
        place = self.place
        speed = place.step * len(self.train) / self.steps / max(place.seconds, 1e-9)
        best = "" if place.best_score is None else f", best {self.config.monitor} {abs(place.best_score):.3f}"
        loss = place.loss / place.step
        return f"epoch {place.epoch + 1} of at most {self.config.epochs}: loss {loss:.3f}, {speed:.0f} images/s{best}"

    def _count(self, logits: dict[str, Tensor], labels: dict[str, Tensor]) -> None:
        counts = []
        for name, answers in logits.items():
            known = labels[name] >= 0
            counts += [(answers.argmax(dim=1) == labels[name])[known].sum(), known.sum()]
        numbers = iter(distributed.summed(torch.stack(counts)).tolist())
        for name in logits:
            self.place.right[name] = self.place.right.get(name, 0) + next(numbers)
            self.place.asked[name] = self.place.asked.get(name, 0) + next(numbers)

    def end_epoch(self) -> None:
        """Validate, note the figures, and keep the weights if they are among the best so far."""
        place = self.place
        kept = self._kept()
        found = validate(kept, self.val, self.weights, self.loss, self.config)
        score = found.score(self.config)
        figures = [value for value in found.balanced_accuracy.values() if value is not None]
        row: Row = {
            "epoch": place.epoch + 1,
            "loss": place.loss / self.steps,
            "val_loss": found.loss,
            "seconds": place.seconds,
            "images_per_second": len(self.train) / place.seconds,
            **self._rates(),
            "val_balanced_accuracy": sum(figures) / len(figures) if figures else None,
        }
        for name in self.model.outputs:
            asked = place.asked.get(name, 0)
            row[f"train_accuracy:{name}"] = place.right[name] / asked if asked else None
            row[f"val_accuracy:{name}"] = found.accuracy[name]
            row[f"val_balanced_accuracy:{name}"] = found.balanced_accuracy[name]
        place.history.append(row)
        place.epoch, place.step, place.loss, place.seconds = place.epoch + 1, 0, 0.0, 0.0
        place.right, place.asked = {}, {}
        self._keep_if_good(score, row, kept.state_dict())
        self.save()
        for number in range(1, place.epoch + 1):
            if distributed.rank() == 0 and number not in {epoch for epoch, _ in place.top}:
                remove_checkpoint(self.checkpoints, f"top-{number}")

    def _rates(self) -> Row:
        """The learning rates of the last step; that of a backbone of which nothing is trained is 0."""
        group, config = self.optimizer.param_groups[0], self.config
        factor = group["lr"] / group["peak"]
        moves = any(p.requires_grad for p in self.model.backbone.parameters())
        return {
            "learning_rate": factor * config.learning_rate if moves else 0.0,
            "head_learning_rate": factor * config.head_learning_rate,
        }

    def _kept(self) -> MultiOutput:
        """The model that counts: the running mean of the weights, with a share of those of the start.

        Wortsman et al., "Robust fine-tuning of zero-shot models" (CVPR 2022): on the straight line between both, models are
        better than at either end.
        """
        if self.start is None:
            return self.averaged
        kept = copy.deepcopy(self.averaged)
        with torch.no_grad():
            for weights, first in zip(kept.parameters(), self.start.parameters(), strict=True):
                weights.lerp_(first, self.config.start_share)
        return kept

    def _keep_if_good(self, score: float | None, row: Row, tensors: dict[str, Tensor]) -> None:
        """Write the weights as `best` if they are, and as `top-N` if several are kept and they are among them."""
        place = self.place
        if score is None or place.best_score is None or score > place.best_score:
            place.best_epoch, place.best_score = place.epoch, score
            self._write("best", place.epoch, tensors, row)
        if self.config.keep_top > 1 and score is not None:
            ranked = sorted([*place.top, (place.epoch, score)], key=lambda entry: -entry[1])
            place.top = ranked[: self.config.keep_top]
            if place.epoch in {epoch for epoch, _ in place.top}:
                self._write(f"top-{place.epoch}", place.epoch, tensors, row)

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
        serial = self.place.epoch * self.steps + self.place.step
        self._write("last", serial, tensors, asdict(self.place))

    def resume(self) -> bool:
        """Go on from the checkpoint `last`; return whether there is one."""
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
        self.place = Place(**{**state, "top": [tuple(entry) for entry in state["top"]]})
        return True

    def restore_best(self) -> dict[str, Any]:
        """Put the best weights into `averaged` and return their row of metrics."""
        distributed.wait_for_all()
        checkpoint = load_checkpoint(self.checkpoints, "best")
        assert checkpoint is not None, "an epoch always leaves a best checkpoint"
        self.averaged.load_state_dict(checkpoint[0])
        return checkpoint[1]
