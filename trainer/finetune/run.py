"""Fine-tune a multi-output CNN on a snapshot, in a folder that records the run and from which it can be resumed.

The run folder:

```
config.json    the settings and the snapshot's content hash, which identify the run
status.json    running, done or failed, and why
environment.json  versions, processor and threads of every start
metrics.csv    one row per epoch: loss, speed, balanced accuracy of every attribute on the val split
checkpoints/   last (to resume from) and best (by mean balanced accuracy on the val split)
model/         the best weights, once the run is done
```
"""

import fcntl
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer import __version__
from trainer.config import FitConfig
from trainer.data.dataset import SnapshotImages
from trainer.data.snapshot import Snapshot
from trainer.evaluation.calibration import balanced_logits, class_prior, fit_temperature
from trainer.finetune.environment import note_environment
from trainer.finetune.losses import loss_weights
from trainer.finetune.metrics_log import write_events, write_metrics
from trainer.finetune.model import MultiOutput, build_model
from trainer.finetune.probe_init import start_from_probe
from trainer.finetune.saved_model import compute_logits, load_model, save_model
from trainer.finetune.trainer import Trainer
from trainer.runtime import distributed
from trainer.runtime.allocator import freed_memory_kept
from trainer.runtime.errors import TrainerError
from trainer.runtime.files import canonical_json, remove_unfinished, write_atomically
from trainer.runtime.tensors import load_checkpoint

Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all, and a message."""


@dataclass(frozen=True)
class FitResult:
    """The result of a run.

    Attributes:
        model: The model folder; `trainer.finetune.saved_model.predict_logits` uses it.
        epoch: The epoch whose weights it holds.
        val: Attribute -> balanced accuracy on the val split; None if it cannot be computed.
        skipped: Attribute -> reason why the model does not answer it.
    """

    model: Path
    epoch: int
    val: dict[str, float | None]
    skipped: dict[str, str]


def fit(snapshot: Snapshot, to: Path, config: FitConfig, *, progress: Progress) -> FitResult:
    """Fine-tune backbone and heads on the train split and keep the weights that do best on the val split.

    If it is called again with the same arguments, the run resumes, or returns at once if it is done. An attribute with
    fewer than two classes among the train images is left out and listed in the result. Without labelled val images the
    weights of the last epoch are kept.

    Args:
        snapshot: With `train` and, if possible, `val` images.
        to: The run folder: new, empty, or that of the same run.
        config: The settings.
        progress: Called after every step.

    Raises:
        TrainerError: There is nothing to learn from, the folder holds another run or is in use, the loss is not
            finite, or an image cannot be decoded.
    """
    with _claimed(to, snapshot, config), _status(to), torch_state_restored(config), freed_memory_kept():
        _, skipped = learnable(snapshot, config)
        if not (to / "model" / "model.json").exists():
            if distributed.rank() == 0:
                note_environment(to / "environment.json")
            _train(snapshot, to, config, progress)
        manifest = load_model(to / "model").manifest
    return FitResult(to / "model", manifest["epoch"], manifest["val"], skipped)


def build_trainer(
    snapshot: Snapshot, config: FitConfig, to: Path, progress: Callable[[int], None] = lambda _: None
) -> Trainer:
    """Return a trainer at the start of a run.

    Args:
        snapshot: With labelled train images.
        config: The settings.
        to: The run folder.
        progress: Called with the number of images done while a probe is trained as the start of the heads.

    Raises:
        TrainerError: There is nothing to learn from, or the settings do not fit the network or the snapshot.
    """
    codes, _ = learnable(snapshot, config)
    train, val = (_images(snapshot, split, list(codes), config) for split in ("train", "val"))
    weights = {
        name: loss_weights(train.labels[name], len(numbers), config) for name, numbers in codes.items()
    }
    if len(train) // math.ceil(len(train) / config.batch_size) < distributed.count():
        raise _unsuitable(
            f"{len(train)} train images in batches of {config.batch_size} are too few for {distributed.count()} processes.",
            "Start fewer processes.",
        )
    model = _network(config, codes).to(distributed.device())
    if config.head == "probe" and load_checkpoint(to / "checkpoints", "last") is None:
        start_from_probe(model, train, config.seed, workers=config.workers, progress=progress)
    return Trainer(model, train, val, weights, config, to)


def _train(snapshot: Snapshot, to: Path, config: FitConfig, progress: Progress) -> None:
    codes, skipped = learnable(snapshot, config)
    trainer = build_trainer(
        snapshot, config, to, lambda done: progress(0, 0, f"training the heads alone: {done} images done")
    )
    if trainer.resume() and trainer.position.history and distributed.rank() == 0:
        write_metrics(to / "metrics.csv", trainer.position.history)  # killed between checkpoint and metrics
    total = trainer.steps * config.epochs
    done = trainer.position.epoch * trainer.steps + trainer.position.step
    if not trainer.finished and trainer.train.memory + trainer.val.memory <= config.cache_megabytes * 2**20:
        for images in (trainer.train, trainer.val):
            images.keep_in_memory(lambda _: progress(done, total, "decoding images"))
    while not trainer.finished:
        trainer.train_epoch(progress)
        trainer.end_epoch(progress)
        if distributed.rank():
            continue
        write_metrics(to / "metrics.csv", trainer.position.history)
        if config.tensorboard:
            write_events(to / "tensorboard", trainer.position.history)
    best = trainer.restore_best()
    about = {
        "calibration": calibration(trainer, config, lambda _: progress(total, total, "calibrating")),
        "content_hash": snapshot.content_hash,
        "epoch": best["epoch"],
        "schema_hash": snapshot.schema_hash,
        "skipped": skipped,
        "tool": f"facelabel {__version__}",
        "val": {name: best[f"val_balanced_accuracy:{name}"] for name in codes},
    }
    if distributed.rank() == 0:
        learned = [snapshot.sha256[index] for index in trainer.train.indices]
        save_model(to / "model", trainer.averaged, codes, config, about, learned)
    distributed.wait_for_all()


def calibration(
    trainer: Trainer, config: FitConfig, progress: Callable[[int], None] = lambda _: None
) -> dict[str, dict[str, Any]]:
    """Return attribute -> class prior, the number of images it is based on, and the temperature from the val split."""
    outputs = compute_logits(
        trainer.averaged, trainer.val, batch_size=64, workers=config.workers, progress=progress
    )
    entries = {}
    for name, logits in outputs.items():
        labels = trainer.train.labels[name]
        prior = class_prior(labels, logits.shape[1])
        balanced = balanced_logits(logits, prior, config)
        temperature = fit_temperature(balanced, trainer.val.labels[name], prior)
        images = int((labels >= 0).sum())
        entries[name] = {"images": images, "prior": prior.tolist(), "temperature": temperature}
    return entries


def learnable(snapshot: Snapshot, config: FitConfig) -> tuple[dict[str, list[int]], dict[str, str]]:
    """Return the codes of the attributes that can be learned, and for the others the reason why not."""
    codes, skipped = {}, {}
    train = snapshot.splits == "train"
    names = [attribute.name for attribute in snapshot.categorical]
    for name in config.attributes:
        if name not in names:
            raise _unsuitable(f"The snapshot has no attribute {name!r}.", f"Choose from: {', '.join(names)}.")
    for attribute in snapshot.categorical:
        if config.attributes and attribute.name not in config.attributes:
            continue
        labels = snapshot.labels[attribute.name][train]
        present = np.unique(labels[labels >= 0])
        if len(present) >= 2:
            codes[attribute.name] = attribute.codes
        elif len(present) == 1:
            code = attribute.codes[present[0]]
            skipped[attribute.name] = f"all labelled train images have the code {code}"
        else:
            skipped[attribute.name] = "no train image is labelled"
    if not codes:
        raise TrainerError(
            "There is nothing to learn: no attribute has two different answers among the train images.",
            "Nothing was trained.",
            "Label more images and export the snapshot again.",
        )
    return codes, skipped


def _images(snapshot: Snapshot, split: str, attributes: list[str], config: FitConfig) -> SnapshotImages:
    """Return the images of a split that have at least one label."""
    labelled: NDArray[np.bool_] = np.any([snapshot.labels[name] >= 0 for name in attributes], axis=0)
    indices = np.flatnonzero(labelled & (snapshot.splits == split))
    return SnapshotImages(snapshot, indices, attributes, view=config.input_view, crop=config.crop)


def _network(config: FitConfig, codes: dict[str, list[int]]) -> MultiOutput:
    outputs = {name: len(numbers) for name, numbers in codes.items()}
    if config.loss == "binary" and any(classes != 2 for classes in outputs.values()):
        raise _unsuitable("The loss 'binary' is for attributes of two values.", "Set loss to multi_label.")
    if config.batch_size < 2 * distributed.count():
        raise _unsuitable(
            f"A batch of {config.batch_size} images is too small for {distributed.count()} processes.",
            "Set batch_size to at least two images per process.",
        )
    model = build_model(config, outputs, pretrained=config.pretrained)
    backbone, name, side = model.backbone, config.network, config.image_size
    if config.frozen_stages > len(backbone.stages):
        raise _unsuitable(
            f"{name} has {len(backbone.stages)} stages, so {config.frozen_stages} cannot be frozen.",
            "Set frozen_stages to a smaller number.",
        )
    if backbone.fixed_side and side != backbone.input_size:
        raise _unsuitable(
            f"{name} works on images of {backbone.input_size} pixels only, not {side}.",
            f"Set image_size to {backbone.input_size}.",
        )
    if side < backbone.smallest_side:
        raise _unsuitable(
            f"{name} needs images of at least {backbone.smallest_side} pixels, not {side}.",
            f"Set image_size to {backbone.input_size}.",
        )
    return model


def _unsuitable(what: str, do: str) -> TrainerError:
    return TrainerError(what, "Nothing was trained.", do)


@contextmanager
def _claimed(to: Path, snapshot: Snapshot, config: FitConfig) -> Iterator[None]:
    """Lock the folder for this run and this process; the system releases the lock whenever the process ends.

    Of several processes the first one holds the lock for all.
    """
    file = to / "config.json"
    if distributed.rank():
        distributed.wait_for_all()
        if not file.exists():
            raise TrainerError(
                f"{to} is not the same folder for all processes.",
                "Nothing was trained.",
                "Fit into a folder that all machines share.",
            )
        yield
        return
    if (
        to.exists()
        and not file.exists()
        and (not to.is_dir() or any(_is_other(entry) for entry in to.iterdir()))
    ):
        raise TrainerError(f"{to} is not empty.", "Nothing in it was changed.", "Fit into a new folder.")
    (to / "checkpoints").mkdir(parents=True, exist_ok=True)
    with (to / ".lock").open("w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TrainerError(
                f"Another process is fitting into {to}.",
                "It continues undisturbed.",
                "Wait until it ends, or fit into another folder.",
            ) from None
        for folder in (to, to / "checkpoints", to / "model"):
            remove_unfinished(folder)
        _identify(file, snapshot, config)
        distributed.wait_for_all()
        yield


def _is_other(entry: Path) -> bool:
    """Whether a folder's entry cannot come from a run that was killed in its first moments."""
    return entry.name != "checkpoints" and not entry.name.startswith(".")


def _identify(file: Path, snapshot: Snapshot, config: FitConfig) -> None:
    """Write the identity of the run, or check that the folder holds the same run."""
    identity = {"settings": config.identity(), "snapshot": snapshot.content_hash}
    if file.exists():
        try:
            existing = json.loads(file.read_bytes())["identity"]
        except (ValueError, KeyError, TypeError):
            existing = None
        if existing != identity:
            raise TrainerError(
                f"{file.parent} holds a run with another snapshot or other settings.",
                "That run is unchanged.",
                "Fit into another folder, or delete this one.",
            )
    whole = {"config": config.model_dump(mode="json"), "identity": identity}
    write_atomically(file, canonical_json(whole).encode())


@contextmanager
def _status(to: Path) -> Iterator[None]:
    def write(**status: Any) -> None:
        if distributed.rank() == 0:
            write_atomically(to / "status.json", canonical_json(status).encode())

    write(state="running")
    try:
        yield
    except TrainerError as failure:
        write(state="failed", what=failure.what, kept=failure.kept, do=failure.do)
        raise
    except (MemoryError, RuntimeError) as failure:
        if not _out_of_memory(failure):
            write(state="failed", what=repr(failure), kept="The checkpoints are kept.", do="Run it again.")
            raise
        short = TrainerError(
            "There is not enough memory for this run.",
            "The checkpoints are kept.",
            "Fit into another folder with a smaller batch_size or image_size, or set cache_megabytes to 0.",
        )
        write(state="failed", what=short.what, kept=short.kept, do=short.do)
        raise short from failure
    except BaseException as failure:
        write(state="failed", what=repr(failure), kept="The checkpoints are kept.", do="Run it again.")
        raise
    write(state="done")


def _out_of_memory(failure: Exception) -> bool:
    """Whether memory ran out; on a CPU only torch's message says so."""
    by_class = isinstance(failure, MemoryError | torch.OutOfMemoryError)
    return by_class or "can't allocate memory" in str(failure) or "not enough memory" in str(failure)


@contextmanager
def torch_state_restored(config: FitConfig) -> Iterator[None]:
    """Restore torch's random state and its number of threads at the end."""
    threads = torch.get_num_threads()
    if config.threads:
        torch.set_num_threads(config.threads)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)
