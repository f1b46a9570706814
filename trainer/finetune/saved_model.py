"""The model folder of a multi-output CNN: `model.safetensors` and the manifest `model.json`, which is written last."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.config import FitConfig
from trainer.data.dataset import SnapshotImages, plain_batches
from trainer.data.images import load_image, load_views_side_by_side
from trainer.data.snapshot import Snapshot
from trainer.evaluation.calibration import balanced_logits, probabilities
from trainer.finetune.model import MultiOutput, build_model
from trainer.runtime import distributed
from trainer.runtime.allocator import freed_memory_kept
from trainer.runtime.errors import ModelError
from trainer.runtime.files import file_entry, read_manifest, write_manifest
from trainer.runtime.tensors import read_tensors, write_tensors
from trainer.views import View

FORMAT, VERSION = "facelabel-model", 1
LEARNED = "learned.safetensors"
"""File beside the weights with the (images, 32) sha256 of the train images."""


@dataclass(frozen=True)
class SavedModel:
    """A trained model with everything that is needed to use it.

    Attributes:
        network: The model in evaluation mode.
        codes: Attribute -> the codes of its classes, in the order of the logits.
        config: The settings it was trained with.
        manifest: The content of model.json.
        views: What the network sees of an image, from left to right in one picture; empty for the image itself.
    """

    network: MultiOutput
    codes: dict[str, list[int]]
    config: FitConfig
    manifest: dict[str, Any]
    views: tuple[View, ...] = ()

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) in pixels of the images that the network takes."""
        side = self.config.image_size
        return (side, sum(view.side for view in self.views)) if self.views else (side, side)

    def load(self, path: Path, landmarks: NDArray[np.float32] | None = None) -> Tensor:
        """Read an image file as the network takes it.

        Args:
            path: The file.
            landmarks: (5, 2) of the face, in pixels of the upright image; None if they are not known. Without them a
                model that sees views gets the whole image in each of them.

        Returns:
            (3, height, width) uint8 RGB.

        Raises:
            ImageError: The file is missing or cannot be decoded.
        """
        if self.views:
            return load_views_side_by_side(path, landmarks, self.views)
        return load_image(path, self.config.image_size, crop=self.config.crop)

    @property
    def calibration(self) -> dict[str, dict[str, Any]]:
        """Attribute -> `prior`, `images` and `temperature`; neutral values if an older version did not save them."""
        kept = self.manifest.get("calibration", {})
        return {
            name: {"images": 0, "prior": [1 / len(codes)] * len(codes), "temperature": 1.0}
            | kept.get(name, {})
            for name, codes in self.codes.items()
        }

    def probabilities(self, images: Tensor) -> dict[str, NDArray[np.float64]]:
        """Return attribute -> (N, classes) calibrated probabilities of (N, 3, height, width) uint8 images."""
        with torch.inference_mode():
            logits = self.network(self.network.prepare(images))
        return {name: self.calibrated(name, values.cpu().numpy()) for name, values in logits.items()}

    def calibrated(self, name: str, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return (N, classes) probabilities of an attribute's (N, classes) logits."""
        calibration = self.calibration[name]
        prior = np.asarray(calibration["prior"])
        return probabilities(balanced_logits(logits, prior, self.config), prior, calibration["temperature"])


def save_model(
    folder: Path,
    network: MultiOutput,
    codes: dict[str, list[int]],
    config: FitConfig,
    about: dict[str, Any],
    learned: Sequence[str] = (),
) -> None:
    """Write a model folder, the manifest last.

    Args:
        folder: Created if it does not exist.
        network: The model.
        codes: Attribute -> the codes of its classes, in the order of the logits.
        config: The settings it was trained with.
        about: Other entries of the manifest: the snapshot, the metrics.
        learned: The sha256 of its train images, in hexadecimal.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "model.safetensors"
    write_tensors(file, network.state_dict())
    hashes = np.frombuffer(bytes.fromhex("".join(learned)), np.uint8).reshape(-1, 32)
    write_tensors(folder / LEARNED, {"sha256": torch.from_numpy(hashes.copy())})
    manifest = {
        **about,
        "attributes": [{"codes": numbers, "name": name} for name, numbers in codes.items()],
        "config": config.model_dump(mode="json"),
        "files": {name: file_entry(folder / name) for name in (LEARNED, file.name)},
        "format": FORMAT,
        "kind": "multi_output",
        "version": VERSION,
    }
    write_manifest(folder / "model.json", manifest)


def load_model(folder: Path) -> SavedModel:
    """Read a model folder.

    Raises:
        ModelError: It is incomplete, a byte was changed, or it does not fit this version.
    """
    manifest = read_manifest(folder / "model.json", format_name=FORMAT, version=VERSION, error=ModelError)
    try:
        config = FitConfig.model_validate(manifest["config"])
        codes = {entry["name"]: list(entry["codes"]) for entry in manifest["attributes"]}
        outputs = {name: len(numbers) for name, numbers in codes.items()}
        network = build_model(config, outputs, pretrained=False)
        network.load_state_dict(read_tensors(folder / "model.safetensors"))
    except (KeyError, TypeError, ValueError, RuntimeError) as cause:
        raise ModelError(
            f"{folder} does not hold a model of this version of facelabel: {cause}.",
            "Nothing was changed.",
            "Train it again.",
        ) from cause
    views = () if config.view == "whole" else (config.input_view,)
    return SavedModel(network.to(memory_format=torch.channels_last).eval(), codes, config, manifest, views)


def predict_logits(
    folder: Path,
    snapshot: Snapshot,
    indices: NDArray[np.int64],
    progress: Callable[[int, int, str], None],
) -> dict[str, NDArray[np.float32]]:
    """Return the logits of a trained model for images of a snapshot.

    Args:
        folder: The model folder that `trainer.finetune.run.fit` wrote (`FitResult.model`).
        snapshot: With the schema of the model's snapshot.
        indices: Row numbers of the images.
        progress: Called with images done, images in all, and a message.

    Returns:
        Attribute -> (len(indices), classes) float32 logits, the classes in the order of the attribute's codes. An
        attribute is absent if the train images of the model showed fewer than two of its classes.

    Raises:
        ModelError: The folder is incomplete, or the schema has other codes than the model.
        ImageError: An image cannot be decoded.
    """
    model = load_model(folder)
    _check_schema(folder, model, snapshot)
    images = SnapshotImages(snapshot, indices, [], view=model.config.input_view, crop=model.config.crop)
    answers = compute_logits(
        model.network.to(distributed.device()),
        images,
        batch_size=64,
        workers=model.config.workers,
        progress=lambda done: progress(done, len(indices), "scoring images"),
    )
    return {name: answers[name] for name in model.codes}


def compute_logits(
    network: MultiOutput,
    images: SnapshotImages,
    *,
    batch_size: int,
    workers: int | None,
    progress: Callable[[int], None],
) -> dict[str, NDArray[np.float32]]:
    """Return attribute -> (len(images), classes) float32 logits of a network in evaluation mode.

    Several processes divide the batches among themselves, and each gets all logits. A batch does not depend on their number.
    """
    device = next(network.parameters()).device
    answers = {
        name: np.zeros((len(images), classes), np.float32) for name, classes in network.outputs.items()
    }
    items = list(range(len(images)))
    batches = [items[i : i + batch_size] for i in range(0, len(items), batch_size)]
    parts: dict[int, dict[str, NDArray[np.float32]]] = {}
    with torch.inference_mode(), freed_memory_kept():
        mine = batches[distributed.rank() :: distributed.count()]
        for rows, batch in plain_batches(images, mine, workers=workers):
            logits = network(network.prepare(batch.images.to(device)))
            parts[rows[0]] = {name: values.float().cpu().numpy() for name, values in logits.items()}
            progress(min(len(images), distributed.count() * batch_size * len(parts)))
    for first, part in distributed.gathered(parts).items():
        for name, values in part.items():
            answers[name][first : first + len(values)] = values
    return answers


def _check_schema(folder: Path, model: SavedModel, snapshot: Snapshot) -> None:
    codes_now = {attribute.name: attribute.codes for attribute in snapshot.categorical}
    other = [name for name, codes in model.codes.items() if codes_now.get(name) != codes]
    if other:
        raise ModelError(
            f"The model in {folder} was trained on another schema: {', '.join(other)} has other values now.",
            "Nothing was changed.",
            "Train a model on a snapshot of the current schema.",
        )
