"""Images per second of training and scoring: real images against the same network on random tensors that are in memory already.

Two cores, the default preset. What is compared alternates within one run, block by block, and medians over the blocks are
given, so that other work on the machine meets both sides. The choices of the default (number format, memory layout, worker
processes) are measured beside it.
"""

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.lesson_data import Split, photos, six_questions
from benchmarks.report import Figures, Size
from trainer.config import FitConfig
from trainer.dataset import SnapshotImages
from trainer.fit import build_learner
from trainer.learner import Learner
from trainer.optimization import rate_factor, set_learning_rate, update_average
from trainer.saved_model import compute_logits
from trainer.snapshot import Snapshot

THREADS = 2
Prepared = tuple[Tensor, dict[str, Tensor]]


def measure(size: Size) -> Figures:
    small = size == "small"
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = photos(folder, drawn=160 if small else None)
        images, blocks = (80, 1) if small else (800, 5)
        path = six_questions(known, folder, images=images, split=Split(test=0.1, val=0.1))
        snapshot = Snapshot.open(path)
        return {
            "training, images/s": training(snapshot, folder, blocks),
            "training on random tensors, images/s": formats(snapshot, folder, blocks),
            "scoring from files, images/s": scoring(snapshot, folder, blocks),
        }


def training(snapshot: Snapshot, folder: Path, blocks: int) -> list[dict[str, Any]]:
    """An epoch of real images, kept in memory or decoded again, with 0, 1 and 2 workers; each beside random tensors."""
    learners = {}
    for kept in (True, False):
        for workers in (0, 1, 2):
            learner = build_learner(snapshot, FitConfig(workers=workers), folder)
            if kept:
                learner.train.keep_in_memory(lambda _: None)
            learners[kept, workers] = learner
    some = learners[True, 1]
    batches = random_batches(some)
    epochs: dict[Any, Callable[[], int]] = {
        key: lambda learner=learner: steps(learner, learner.batches(0)) for key, learner in learners.items()
    }
    epochs["random"] = lambda: steps(some, batches)
    speeds = alternating(epochs, blocks)
    augmented = [augmentation_speed(learners[True, 0]) for _ in range(blocks)]
    rows = []
    for kept, workers in learners:
        shares = [real / random for real, random in zip(speeds[kept, workers], speeds["random"], strict=True)]
        rows.append(
            {
                "images": "in memory" if kept else "from files",
                "workers": workers,
                "default": kept and workers == FitConfig().workers,
                "real": median(speeds[kept, workers]),
                "random": median(speeds["random"]),
                "real / random": median(shares, 3),
                "prepared by one process": median(augmented) if kept and not workers else None,
            }
        )
    return rows


def formats(snapshot: Snapshot, folder: Path, blocks: int) -> list[dict[str, Any]]:
    """float32 or bfloat16, channels last in memory or not."""
    runs, names = {}, []
    for precision in ("float32", "bfloat16"):
        for layout in (torch.channels_last, torch.contiguous_format):
            learner = build_learner(snapshot, FitConfig(precision=precision, workers=0), folder)
            learner.model = learner.model.to(memory_format=layout)
            batches = [
                (images.contiguous(memory_format=layout), labels)
                for images, labels in random_batches(learner)[:6]
            ]
            names.append((precision, layout))
            runs[precision, layout] = lambda learner=learner, batches=batches: steps(learner, batches)
    speeds = alternating(runs, blocks)
    default = FitConfig().precision
    return [
        {
            "numbers": precision,
            "memory": str(layout).removeprefix("torch."),
            "default": precision == default and layout == torch.channels_last,
            "images/s": median(speeds[precision, layout]),
        }
        for precision, layout in names
    ]


def scoring(snapshot: Snapshot, folder: Path, blocks: int) -> list[dict[str, Any]]:
    """What `trainer predict` and `evaluate` do for every image."""
    learner = build_learner(snapshot, FitConfig(), folder)
    images = SnapshotImages(snapshot, np.arange(len(snapshot)), [], side=learner.config.image_size)

    def score(workers: int) -> int:
        compute_logits(learner.averaged, images, batch_size=64, workers=workers, progress=lambda _: None)
        return len(images)

    speeds = alternating({workers: lambda workers=workers: score(workers) for workers in (0, 1, 2)}, blocks)
    return [
        {"workers": workers, "default": workers == FitConfig().workers, "images/s": median(speeds[workers])}
        for workers in speeds
    ]


def random_batches(learner: Learner) -> list[Prepared]:
    """As many random tensors as an epoch has batches, of their sizes, with labels, in memory and prepared."""
    generator = torch.Generator().manual_seed(0)
    side, found = learner.config.image_size, []
    for items in np.array_split(np.arange(len(learner.train)), learner.steps):
        pixels = torch.rand(len(items), 3, side, side, generator=generator)
        labels = {
            name: torch.randint(0, classes, (len(items),), generator=generator)
            for name, classes in learner.model.outputs.items()
        }
        found.append((pixels.contiguous(memory_format=torch.channels_last), labels))
    return found


def steps(learner: Learner, batches: Iterable[Prepared]) -> int:
    """Train on batches as a run does; returns how many images there were."""
    images = 0
    for number, (pixels, labels) in enumerate(batches):
        set_learning_rate(
            learner.optimizer, 0.01 * rate_factor(learner.config, step=number, steps=learner.steps)
        )
        learner.descend(pixels, labels)
        update_average(learner.averaged, learner.model, decay=learner.config.ema_decay, step=number)
        images += len(pixels)
    return images


def augmentation_speed(learner: Learner) -> float:
    """Images per second that one core augments, when it does nothing else."""
    count, started = 0, time.perf_counter()
    for pixels, _ in islice(learner.batches(0), 4):
        count += len(pixels)
    return count / (time.perf_counter() - started)


def alternating(runs: Mapping[Any, Callable[[], int]], blocks: int) -> dict[Any, list[float]]:
    """Images per second of every run, block by block; each is run once before, unmeasured."""
    speeds: dict[Any, list[float]] = {key: [] for key in runs}
    for block in range(-1, blocks):
        for key, run in runs.items():
            started = time.perf_counter()
            images = run()
            if block >= 0:
                speeds[key].append(images / (time.perf_counter() - started))
    return speeds


def median(values: list[float], digits: int = 1) -> float:
    return round(float(np.median(values)), digits)
