"""The features of a backbone, computed by torch, or by OpenVINO where it is faster.

OpenVINO (Apache-2.0, installed by the extra `train`) compiles a network for the processor, in a separate process. The
environment variable FACELABEL_OPENVINO=0 leaves all to torch.

Its float32 features agree with torch's to a millionth, so both have the same name in the cache of features, and it does not
matter who computed which. Torch computes until OpenVINO has compiled the network, which takes seconds. Then a few images are
computed by both. This shows whether the features agree, and which is faster. The times are kept in the cache folder, so a
machine measures a network only once. Whatever raises an error in OpenVINO, torch takes over.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trainer.networks.backbone import Backbone
from trainer.runtime import distributed
from trainer.runtime.files import canonical_json, write_atomically
from trainer.runtime.processor import processor

if TYPE_CHECKING:
    from trainer.networks.openvino_network import OpenVinoNetwork

SETTING = "FACELABEL_OPENVINO"
"""The environment variable that leaves all features to torch with the value 0."""
FILE = "inference.json"
"""The measurements in the cache folder; `facelabel doctor` reads them."""
FEWEST = 64
"""Images of a size that torch computes before OpenVINO compiles the network, with each number of threads: compiling fewer is not worth it."""
PART = 4
"""Images that a processor computes at once: more take more memory, and are not faster (docs/lab/experiments.md)."""
REPEATS = 2
"""How often each way is timed on the same images."""
TOLERANCE = 1e-3
"""Largest norm of a difference between the features of an image, relative to the norm of torch's."""

Features = Callable[[Tensor], Tensor]
"""From uint8 (N, 3, H, W) RGB images to (N, feature_size) float32 features, on the CPU."""

_log = logging.getLogger("facelabel")
_LAST: dict[str, Inference] = {}
"""The last network by its weights: a worker asks for the same one again and again."""


def inference(backbone: Backbone, cache: Path) -> Features:
    """Return a function that computes the features of uint8 (N, 3, H, W) RGB images: (N, feature_size) float32, on the CPU.

    Args:
        backbone: In evaluation mode; it is moved to the device of this process.
        cache: Folder of cached features, which keeps the measurement.
    """
    key = f"{backbone.name} {backbone.weights_sha256} {cache}"
    if key not in _LAST:
        _LAST.clear()
        _LAST[key] = Inference(backbone, cache)
    return _LAST[key]


class Inference:
    """Computes features through OpenVINO or torch; see `inference`."""

    def __init__(self, backbone: Backbone, cache: Path) -> None:
        self._device = distributed.device()
        self._backbone = backbone.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._measurements = cache / FILE
        self._possible = (
            self._device.type == "cpu"
            and os.environ.get(SETTING) != "0"
            and find_spec("openvino") is not None
        )
        self.chosen: dict[tuple[int, ...], Features] = {}
        """(height, width, threads) → what computes the features of such images, once that is decided."""
        self._compiling: dict[tuple[int, ...], OpenVinoNetwork] = {}
        self._seen: Counter[tuple[int, ...]] = Counter()

    def __call__(self, images: Tensor) -> Tensor:
        """Compute features; see `inference`."""
        size = tuple(images.shape[2:])
        key = (*size, torch.get_num_threads())
        if self._possible and key not in self.chosen and self._seen[key] >= FEWEST:
            self._choose(images[:PART], key)
        self._seen[key] += len(images)
        features = self.chosen.get(key, self._by_torch)
        if features != self._by_torch:
            try:
                return _in_parts(features, images)
            except Exception as cause:  # noqa: BLE001 - a round must not end because of it
                self.chosen[key] = self._by_torch
                self._warn(cause)
        return self._by_torch(images) if self._device.type != "cpu" else _in_parts(self._by_torch, images)

    def _by_torch(self, images: Tensor) -> Tensor:
        with torch.inference_mode():
            features: Tensor = self._backbone(self._backbone.normalise(images.to(self._device)))
            return features.float().cpu()

    def _choose(self, sample: Tensor, key: tuple[int, ...]) -> None:
        """Decide what computes features of images of this size with this number of threads, once OpenVINO has compiled the network."""
        try:
            subject = self._subject(sample, key[-1])
            measured = _read(self._measurements)
            engine = measured.get(subject, {}).get("engine")
            if engine == "torch":
                self.chosen[key] = self._by_torch
                return
            by_openvino = self._compiled(key)
            if by_openvino is None:
                return
            deviation = _deviation(by_openvino(sample), self._by_torch(sample))
            if not deviation <= TOLERANCE:
                raise ArithmeticError(f"its features deviate by {deviation:.2g}")  # noqa: TRY301
            if engine != "openvino":
                entry = _compare(sample, {"openvino": by_openvino, "torch": self._by_torch})
                engine = entry["engine"]
                with suppress(OSError):
                    measured[subject] = entry | {"deviation": deviation}
                    write_atomically(self._measurements, canonical_json(measured).encode())
            self.chosen[key] = by_openvino if engine == "openvino" else self._by_torch
        except Exception as cause:  # noqa: BLE001 - converters raise anything
            self._warn(cause)
            self.chosen[key] = self._by_torch

    def _compiled(self, key: tuple[int, ...]) -> OpenVinoNetwork | None:
        """Return the network that OpenVINO has compiled; None while it compiles."""
        if key not in self._compiling:
            from trainer.networks.openvino_network import OpenVinoNetwork  # noqa: PLC0415 - only where it is installed

            height, width, threads = key
            self._compiling[key] = OpenVinoNetwork(self._backbone, (height, width), threads)
        if not self._compiling[key].is_ready():
            return None
        return self._compiling.pop(key)

    def _subject(self, sample: Tensor, threads: int) -> str:
        """Describe what the times depend on."""
        height, width = sample.shape[2:]
        packages = " and ".join(f"{name} {version(name)}" for name in ("openvino", "torch"))
        size = f"{self._backbone.name} at {width}×{height} pixels with {threads} thread{'s'[: threads > 1]}"
        return f"{size} of {processor()}, {packages}"

    def _warn(self, cause: Exception) -> None:
        _log.warning(
            "OpenVINO cannot compute the features of %s, so torch does, which takes longer: %s",
            self._backbone.name,
            (str(cause).splitlines() or [type(cause).__name__])[0],
        )


def _in_parts(features: Features, images: Tensor) -> Tensor:
    """Compute parts of `PART` images; the last image fills the last part.

    A part of another size may be computed in another order, and then the features differ in their last bits. So the features of
    an image do not depend on how many images are computed with it, nor on how many workers share the images.
    """
    lacking = -len(images) % PART
    whole = torch.cat([images, images[-1:].expand(lacking, -1, -1, -1)]) if lacking else images
    return torch.cat([features(part) for part in torch.split(whole, PART)])[: len(images)]


def _deviation(features: Tensor, reference: Tensor) -> float:
    """Return the largest norm of a difference between two (N, size) features, relative to the reference's norm."""
    differences = torch.linalg.vector_norm(features - reference, dim=1)
    return float((differences / torch.linalg.vector_norm(reference, dim=1).clamp_min(1e-12)).max())


def _compare(sample: Tensor, ways: dict[str, Features]) -> dict[str, Any]:
    """Return the images per second of each way, and the name of the fastest."""
    fastest = dict.fromkeys(ways, float("inf"))
    for _ in range(REPEATS):
        for name, features in ways.items():
            started = time.perf_counter()
            features(sample)
            fastest[name] = min(fastest[name], time.perf_counter() - started)
    speeds = {name: round(len(sample) / seconds, 1) for name, seconds in fastest.items()}
    return {"engine": min(fastest, key=lambda name: fastest[name]), "images per second": speeds}


def _read(file: Path) -> dict[str, Any]:
    """Return the measurements; a damaged file counts as none."""
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) and all(isinstance(e, dict) for e in content.values()) else {}
