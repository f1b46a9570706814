"""The network that a probe takes its features from: a fine-tuned one instead of the frozen one, a pinned one beside it.

A fine-tuned network has learned the labels of its train images, so its features separate these images better than new ones,
whichever of them are held out. Its model folder therefore lists its train images, and a probe chooses penalty and
temperature on others (`unseen`).
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.data.snapshot import Snapshot
from trainer.finetune.saved_model import FORMAT, LEARNED, VERSION, load_model
from trainer.networks import Backbone
from trainer.networks.pinned import is_pinned, read_network
from trainer.probe.sources import views_beside
from trainer.runtime.errors import ModelError
from trainer.runtime.files import read_manifest
from trainer.runtime.tensors import read_tensors
from trainer.views import View


@dataclass(frozen=True)
class FeatureNetwork:
    """A fine-tuned backbone, or one that was pinned (trainer/networks/pinned).

    Attributes:
        backbone: In evaluation mode; its `input_size` is the side of its train images.
        views: What it sees of an image: a fine-tuned one what it saw of its train images.
        learned: The sha256 of its train images, in hexadecimal; None if it was not trained on labels of a project.
        sha256: Of the file with the network's weights.
    """

    backbone: Backbone
    views: tuple[View, ...]
    learned: frozenset[str] | None
    sha256: str

    @property
    def pinned(self) -> bool:
        """Whether it was pinned: a probe uses its features beside those of the frozen backbone."""
        return self.learned is None

    def unseen(self, snapshot: Snapshot) -> NDArray[np.int64] | None:
        """Return the row numbers of a snapshot's val images that the network did not learn from; probes do not either.

        None if it learned from no labels, so that a probe may use the folds of its train images.
        """
        if self.learned is None:
            return None
        new = np.array([sha not in self.learned for sha in snapshot.sha256], dtype=bool)
        return np.flatnonzero((snapshot.splits == "val") & new)


def read_feature_network(model: Path) -> FeatureNetwork:
    """Read the backbone of a model folder, or of a folder of a pinned network.

    The folder is verified every time, but the last network stays in memory.

    Raises:
        ModelError: The folder is incomplete, holds no fine-tuned network, does not list its train images, or its network
            takes images that are prepared differently from those of a probe.
    """
    if is_pinned(model):
        pinned = read_network(model)
        return FeatureNetwork(pinned.backbone, views_beside(pinned.backbone), None, pinned.sha256)
    manifest = read_manifest(model / "model.json", format_name=FORMAT, version=VERSION, error=ModelError)
    if manifest.get("kind") != "multi_output" or LEARNED not in manifest.get("files", {}):
        raise _unsuitable(model, "holds no fine-tuned network that lists its train images")
    return _read(model, manifest["files"]["model.safetensors"]["sha256"])


@functools.lru_cache(maxsize=1)
def _read(model: Path, sha256: str) -> FeatureNetwork:
    saved = load_model(model)
    config = saved.config
    if config.preprocess != "network" or config.blur or config.crop != 1:
        raise _unsuitable(model, "takes images that are scaled, blurred or cropped in its own way")
    backbone = saved.network.backbone
    backbone.input_size = config.image_size
    learned = _hashes(read_tensors(model / LEARNED)["sha256"])
    return FeatureNetwork(backbone, (config.input_view,), learned, sha256)


def _hashes(rows: Tensor) -> frozenset[str]:
    return frozenset(bytes(row).hex() for row in rows.to(torch.uint8).numpy())


def _unsuitable(model: Path, what: str) -> ModelError:
    return ModelError(
        f"{model} {what}.", "Nothing was changed.", "Train a network with the engine cnn and give its model."
    )
