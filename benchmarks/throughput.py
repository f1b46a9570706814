"""Images per second of training and scoring: real images against the same network on random tensors that are in memory already.

Two cores, the default preset. What is compared alternates within one run, block by block, and medians over the blocks are
given, so that other work on the machine meets both sides. The choices of the default (number format, memory layout, worker
processes) are measured beside it.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.support.lesson_data import Split, photos, six_questions
from benchmarks.support.report import Figures, Size
from trainer.config import FitConfig, Precision
from trainer.data.dataset import SnapshotImages
from trainer.data.snapshot import Snapshot
from trainer.finetune.optimization import rate_factor, set_learning_rate, update_average
from trainer.finetune.run import build_trainer
from trainer.finetune.saved_model import compute_logits
from trainer.finetune.trainer import Step, Trainer
from trainer.presets import preset
from trainer.runtime.allocator import freed_memory_kept
from trainer.runtime.distributed import image_workers
from trainer.views import WHOLE

DEFAULT = FitConfig.model_validate(preset("default"))
THREADS = 2
WARM = 1
"""Batches before anything is measured."""
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
Run = Callable[[int | None], int]
"""Takes so many batches, or all, and returns how many images they had."""


def measure(size: Size) -> Figures:
    small = size == "small"
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as name, freed_memory_kept():
        folder = Path(name)
        known = photos(folder, drawn=160 if small else None)
        images, blocks = (40, 1) if small else (240, 3)
        path = six_questions(known, folder, images=images, split=Split(test=0.1, val=0.1))
        snapshot = Snapshot.open(path)
        config = DEFAULT.model_copy(update={"batch_size": 8}) if small else DEFAULT
        return {
            "training, images/s": training(snapshot, folder, config, blocks),
            "training on random tensors, images/s": formats(snapshot, folder, config, blocks),
            "scoring from files, images/s": scoring(snapshot, folder, blocks),
        }


def training(snapshot: Snapshot, folder: Path, config: FitConfig, blocks: int) -> list[dict[str, Any]]:
    """Epochs of real images, kept in memory by some workers or decoded again by one, beside an epoch of random tensors."""
    trainers = {}
    for kept, workers in ((True, 0), (True, 1), (True, 2), (False, 1)):
        trainers[kept, workers] = build_trainer(
            snapshot, config.model_copy(update={"workers": workers}), folder
        )
        if kept:
            trainers[kept, workers].train.keep_in_memory(lambda _: None)
    some = trainers[True, 1]
    batches = random_batches(some)
    runs: dict[Any, Run] = {key: partial(train_on_images, trainer) for key, trainer in trainers.items()}
    runs["random"] = partial(train_on, some, batches)
    speeds = alternating(runs, blocks)
    prepared = median([preparing_speed(trainers[True, 0]) for _ in range(blocks)])
    rows = []
    for kept, workers in trainers:
        shares = [real / random for real, random in zip(speeds[kept, workers], speeds["random"], strict=True)]
        rows.append(
            {
                "images": "in memory" if kept else "from files",
                "workers": workers,
                "default": kept and workers == image_workers(),
                "real": median(speeds[kept, workers]),
                "random": median(speeds["random"]),
                "real / random": median(shares, 3),
                "prepared by one process alone": prepared if kept else None,
            }
        )
    return rows


def formats(snapshot: Snapshot, folder: Path, config: FitConfig, blocks: int) -> list[dict[str, Any]]:
    """float32 or bfloat16, channels last in memory or not."""
    runs: dict[tuple[str, torch.memory_format], Run] = {}
    for precision in PRECISIONS:
        for layout in (torch.channels_last, torch.contiguous_format):
            trainer = build_trainer(snapshot, config.model_copy(update={"precision": precision}), folder)
            trainer.model = trainer.model.to(memory_format=layout)
            batches = [
                (images.contiguous(memory_format=layout), labels)
                for images, labels in random_batches(trainer)[:1]
            ]
            runs[precision, layout] = partial(train_on, trainer, batches)
    speeds = alternating(runs, 2 * blocks - 1)
    return [
        {
            "numbers": precision,
            "memory": str(layout).removeprefix("torch."),
            "default": precision == config.precision and layout == torch.channels_last,
            "images/s": median(speeds[precision, layout]),
        }
        for precision, layout in runs
    ]


def scoring(snapshot: Snapshot, folder: Path, blocks: int) -> list[dict[str, Any]]:
    """What `trainer predict` and `evaluate` do for every image."""
    trainer = build_trainer(snapshot, DEFAULT, folder)
    side = trainer.config.image_size
    images, few = (
        SnapshotImages(snapshot, np.arange(count), [], view=replace(WHOLE, side=side))
        for count in (len(snapshot), min(len(snapshot), WARM * 64))
    )

    def score(workers: int, batches: int | None) -> int:
        some = images if batches is None else few
        compute_logits(trainer.averaged, some, batch_size=64, workers=workers, progress=lambda _: None)
        return len(some)

    speeds = alternating({workers: partial(score, workers) for workers in (0, 1, 2)}, blocks)
    return [
        {"workers": workers, "default": workers == image_workers(), "images/s": median(speeds[workers])}
        for workers in speeds
    ]


def random_batches(trainer: Trainer) -> list[Step]:
    """As many random tensors as an epoch has batches, of their sizes, with labels, in memory and prepared."""
    generator = torch.Generator().manual_seed(0)
    side, found = trainer.config.image_size, []
    for items in np.array_split(np.arange(len(trainer.train)), trainer.steps):
        pixels = torch.rand(len(items), 3, side, side, generator=generator)
        labels = {
            name: torch.randint(0, classes, (len(items),), generator=generator)
            for name, classes in trainer.model.outputs.items()
        }
        found.append((pixels.contiguous(memory_format=torch.channels_last), labels, None))
    return found


def train_on(trainer: Trainer, batches: Iterable[Step], limit: int | None) -> int:
    """Train on so many of the batches as a run does, hardly moving the weights; returns how many images there were."""
    images = 0
    for number, step in enumerate(islice(batches, limit)):
        set_learning_rate(
            trainer.optimizer, 0.01 * rate_factor(trainer.config, step=number, steps=trainer.steps)
        )
        trainer.descend(*step)
        update_average(trainer.averaged, trainer.model, decay=trainer.config.ema_decay, step=number)
        images += len(step[0])
    return images


def train_on_images(trainer: Trainer, limit: int | None) -> int:
    return train_on(trainer, trainer.batches(0), limit)


def preparing_speed(trainer: Trainer) -> float:
    """Images per second that one process augments and scales when it does nothing else."""
    count, started = 0, time.perf_counter()
    for pixels, *_ in islice(trainer.batches(0), 4):
        count += len(pixels)
    return count / (time.perf_counter() - started)


def alternating(runs: Mapping[Any, Run], blocks: int) -> dict[Any, list[float]]:
    """Images per second of every run, block by block; each does a few batches before, unmeasured."""
    speeds: dict[Any, list[float]] = {key: [] for key in runs}
    for run in runs.values():
        run(WARM)
    for _ in range(blocks):
        for key, run in runs.items():
            started = time.perf_counter()
            images = run(None)
            speeds[key].append(images / (time.perf_counter() - started))
            print(f"  {key}: {speeds[key][-1]:.1f} images/s", file=sys.stderr)
    return speeds


def median(values: list[float], digits: int = 1) -> float:
    return round(float(np.median(values)), digits)
