"""Fine-tune a multi-output CNN on a snapshot, in a folder that tells what happened and from which it resumes.

The run folder:

```
config.json    the settings and the snapshot's content hash: what the run is
status.json    running, done or failed, and why
environment.json  versions, processor, threads of every start
metrics.csv    one row per epoch: loss, speed, balanced accuracy of every attribute on the val split
checkpoints/   last (to resume from) and best (by mean balanced accuracy on the val split)
model/         the best weights, once the run is done
```
"""

import fcntl
import json
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
from trainer.evaluation.calibration import class_evidence, class_prior, fit_temperature
from trainer.finetune.environment import note_environment
from trainer.finetune.losses import loss_weights
from trainer.finetune.metrics_log import write_events, write_metrics
from trainer.finetune.model import MultiOutput, build_model
from trainer.finetune.probe_init import start_from_probe
from trainer.finetune.saved_model import compute_logits, load_model, save_model
from trainer.finetune.trainer import Learner
from trainer.runtime import distributed
from trainer.runtime.allocator import freed_memory_kept
from trainer.runtime.errors import TrainerError
from trainer.runtime.files import canonical_json, remove_unfinished, write_atomically
from trainer.runtime.tensors import load_checkpoint

Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all, and what is going on."""


@dataclass(frozen=True)
class FitResult:
    """What a run came to.

    Attributes:
        model: The model folder; `trainer.finetune.saved_model.predict_logits` asks it.
        epoch: The epoch whose weights it holds.
        val: Attribute -> balanced accuracy on the val split; None where it cannot be computed.
        skipped: Attribute -> why the model does not answer it.
    """

    model: Path
    epoch: int
    val: dict[str, float | None]
    skipped: dict[str, str]


def fit(snapshot: Snapshot, to: Path, config: FitConfig, *, progress: Progress) -> FitResult:
    """Fine-tune backbone and heads on the train split and keep the weights that do best on the val split.

    Run again with the same arguments it resumes, or returns at once if it is done. An attribute with fewer than two
    classes among the train images is left out and named in the result. Without labelled val images the weights of the
    last epoch are kept.

    Args:
        snapshot: With `train` and, if possible, `val` images.
        to: The run folder: new, empty, or that of the same run.
        config: The settings.
        progress: Called after every step.

    Returns:
        Where the model is and how it did.

    Raises:
        TrainerError: There is nothing to learn from, the folder holds another run or is in use, the loss is not
            finite, an image cannot be decoded.
    """
    with _claimed(to, snapshot, config), _status(to), torch_as_it_was(config), freed_memory_kept():
        _, skipped = learnable(snapshot, config)
        if not (to / "model" / "model.json").exists():
            if distributed.rank() == 0:
                note_environment(to / "environment.json")
            _train(snapshot, to, config, progress)
        about = load_model(to / "model").manifest
    return FitResult(to / "model", about["epoch"], about["val"], skipped)


def build_learner(
    snapshot: Snapshot, config: FitConfig, to: Path, progress: Callable[[int], None] = lambda _: None
) -> Learner:
    """Return a learner at the start of a run in a folder.

    Args:
        snapshot: With labelled train images.
        config: The settings.
        to: The run folder.
        progress: Called with the number of images seen while a probe is trained for the heads to start from.

    Raises:
        TrainerError: There is nothing to learn from, or the settings do not fit the network or the snapshot.
    """
    codes, _ = learnable(snapshot, config)
    train, val = (_images(snapshot, split, list(codes), config) for split in ("train", "val"))
    weights = {
        name: loss_weights(train.labels[name], len(numbers), config) for name, numbers in codes.items()
    }
    model = _network(config, codes).to(distributed.device())
    if config.head == "probe" and load_checkpoint(to / "checkpoints", "last") is None:
        start_from_probe(model, train, config.seed, workers=config.workers, progress=progress)
    return Learner(model, train, val, weights, config, to)


def _train(snapshot: Snapshot, to: Path, config: FitConfig, progress: Progress) -> None:
    codes, skipped = learnable(snapshot, config)
    learner = build_learner(
        snapshot, config, to, lambda seen: progress(0, 0, f"training the heads alone: {seen} images seen")
    )
    if learner.resume() and learner.place.history and distributed.rank() == 0:
        write_metrics(to / "metrics.csv", learner.place.history)  # killed between checkpoint and metrics
    total = learner.steps * config.epochs
    done = learner.place.epoch * learner.steps + learner.place.step
    if not learner.finished and learner.train.memory + learner.val.memory <= config.cache_megabytes * 2**20:
        for images in (learner.train, learner.val):
            images.keep_in_memory(lambda _: progress(done, total, "decoding images"))
    while not learner.finished:
        learner.train_epoch(progress)
        learner.end_epoch()
        if distributed.rank():
            continue
        write_metrics(to / "metrics.csv", learner.place.history)
        if config.tensorboard:
            write_events(to / "tensorboard", learner.place.history)
    best = learner.restore_best()
    about = {
        "calibration": calibration(learner, config),
        "content_hash": snapshot.content_hash,
        "epoch": best["epoch"],
        "schema_hash": snapshot.schema_hash,
        "skipped": skipped,
        "tool": f"facelabel {__version__}",
        "val": {name: best[f"val_balanced_accuracy:{name}"] for name in codes},
    }
    if distributed.rank() == 0:
        learned = [snapshot.sha256[index] for index in learner.train.indices]
        save_model(to / "model", learner.averaged, codes, config, about, learned)
    distributed.wait_for_all()


def calibration(learner: Learner, config: FitConfig) -> dict[str, dict[str, Any]]:
    """Return attribute -> prior, how many images it is of, and the temperature, which is fitted on the val split."""
    answers = compute_logits(
        learner.averaged, learner.val, batch_size=64, workers=config.workers, progress=lambda _: None
    )
    found = {}
    for name, logits in answers.items():
        labels = learner.train.labels[name]
        prior = class_prior(labels, logits.shape[1])
        evidence = class_evidence(logits, prior, config)
        temperature = fit_temperature(evidence, learner.val.labels[name], prior)
        images = int((labels >= 0).sum())
        found[name] = {"images": images, "prior": prior.tolist(), "temperature": temperature}
    return found


def learnable(snapshot: Snapshot, config: FitConfig) -> tuple[dict[str, list[int]], dict[str, str]]:
    """Return the codes of the attributes that can be learned, and why the others cannot."""
    codes, skipped = {}, {}
    train = snapshot.splits == "train"
    known = [attribute.name for attribute in snapshot.categorical]
    for name in config.attributes:
        if name not in known:
            raise _unfit(f"The snapshot has no attribute {name!r}.", f"Choose among: {', '.join(known)}.")
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
    """Return the images of a split that have at least one answer."""
    labelled: NDArray[np.bool_] = np.any([snapshot.labels[name] >= 0 for name in attributes], axis=0)
    indices = np.flatnonzero(labelled & (snapshot.splits == split))
    return SnapshotImages(snapshot, indices, attributes, side=config.image_size, crop=config.crop)


def _network(config: FitConfig, codes: dict[str, list[int]]) -> MultiOutput:
    outputs = {name: len(numbers) for name, numbers in codes.items()}
    if config.loss == "binary" and any(classes != 2 for classes in outputs.values()):
        raise _unfit("The loss 'binary' is for attributes of two values.", "Set loss to multi_label.")
    if config.batch_size < 2 * distributed.count():
        raise _unfit(
            f"A batch of {config.batch_size} images is too small for {distributed.count()} distributed.",
            "Set batch_size to at least two images for each.",
        )
    model = build_model(config, outputs, pretrained=config.pretrained)
    backbone, name, side = model.backbone, config.network, config.image_size
    if config.frozen_stages > len(backbone.stages):
        raise _unfit(
            f"{name} has {len(backbone.stages)} stages, so {config.frozen_stages} cannot be frozen.",
            "Set frozen_stages to a smaller number.",
        )
    if backbone.fixed_side and side != backbone.input_size:
        raise _unfit(
            f"{name} works on images of {backbone.input_size} pixels only, not {side}.",
            f"Set image_size to {backbone.input_size}.",
        )
    if side < backbone.smallest_side:
        raise _unfit(
            f"{name} needs images of at least {backbone.smallest_side} pixels, not {side}.",
            f"Set image_size to {backbone.input_size}.",
        )
    return model


def _unfit(what: str, do: str) -> TrainerError:
    return TrainerError(what, "Nothing was trained.", do)


@contextmanager
def _claimed(to: Path, snapshot: Snapshot, config: FitConfig) -> Iterator[None]:
    """Hold the folder for this run and this process; the system lets go of it when the process ends, however.

    Of several processes the first one holds it for all.
    """
    if distributed.rank():
        distributed.wait_for_all()
        yield
        return
    file = to / "config.json"
    if (
        to.exists()
        and not file.exists()
        and (not to.is_dir() or any(_foreign(entry) for entry in to.iterdir()))
    ):
        raise TrainerError(f"{to} is not empty.", "Nothing in it was changed.", "Fit into a new folder.")
    (to / "checkpoints").mkdir(parents=True, exist_ok=True)
    with (to / ".lock").open("w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TrainerError(
                f"Another process is fitting into {to}.",
                "It goes on undisturbed.",
                "Wait for it, or fit into another folder.",
            ) from None
        for folder in (to, to / "checkpoints", to / "model"):
            remove_unfinished(folder)
        _identify(file, snapshot, config)
        distributed.wait_for_all()
        yield


def _foreign(entry: Path) -> bool:
    """Whether a folder's entry is something else than what a run leaves that was killed in its first moments."""
    return entry.name != "checkpoints" and not entry.name.startswith(".")


def _identify(file: Path, snapshot: Snapshot, config: FitConfig) -> None:
    """Write what the run is, or see that it is the same."""
    identity = {"settings": config.identity(), "snapshot": snapshot.content_hash}
    if file.exists():
        try:
            found = json.loads(file.read_bytes())["identity"]
        except (ValueError, KeyError, TypeError):
            found = None
        if found != identity:
            raise TrainerError(
                f"{file.parent} holds a run with another snapshot or other settings.",
                "That run is untouched.",
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
            "The memory is not enough for this run.",
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
    """Whether memory ran out; on a CPU torch says so in words only."""
    known = isinstance(failure, MemoryError | torch.OutOfMemoryError)
    return known or "can't allocate memory" in str(failure) or "not enough memory" in str(failure)


@contextmanager
def torch_as_it_was(config: FitConfig) -> Iterator[None]:
    """Leave torch's random numbers and its number of threads as they were."""
    threads = torch.get_num_threads()
    if config.threads:
        torch.set_num_threads(config.threads)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)
