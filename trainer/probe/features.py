"""Features of a frozen pretrained backbone, computed once per image and kept on disk."""

import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.data.images import load_image
from trainer.data.snapshot import Snapshot
from trainer.networks import Backbone
from trainer.networks.inference import inference
from trainer.probe.feature_store import FeatureStore
from trainer.runtime import distributed
from trainer.runtime.allocator import freed_memory_kept
from trainer.runtime.errors import ImageError
from trainer.runtime.files import canonical_json, sha256_file, sha256_text

BACKBONE = "faces"
"""The network that provides the features of a probe."""
VERSION = 2
"""To be raised when a change of this module changes the features. Models of other versions are then refused.

The shared decoder (trainer/pixels) changed them too, but only of images with 16 bits, transparency or a colour profile.
"""
BATCH, CHUNK = 32, 512

Progress = Callable[[int, int], None]
"""Called with the number of images done and the number of all images."""


class ImageFile(NamedTuple):
    """An image: the sha256 of its bytes, its file, and its name for error messages."""

    sha256: str
    path: Path
    name: str


@dataclass(frozen=True, eq=False)
class Features:
    """The features of a snapshot's images.

    Attributes:
        store: The records.
        rows: (images,) record number of each image.
        recipe: What the features depend on.
    """

    store: FeatureStore
    rows: Tensor
    recipe: dict[str, object]

    def of(self, images: Tensor) -> Tensor:
        """Return the (len(images), size) float32 features of some images of the snapshot."""
        return torch.from_numpy(self.store.records()[self.rows[images].numpy()]).float()


def compute_features(snapshot: Snapshot, backbone: Backbone, cache: Path, *, progress: Progress) -> Features:
    """Compute the features of all images of a snapshot that are not in the cache yet.

    A run that was killed continues where it stopped; at most `CHUNK` images are computed again. Several processes divide
    the missing images among themselves. If they do not share the cache folder (on other machines), each of them then
    computes the rest too.

    Args:
        snapshot: Names the images.
        backbone: In evaluation mode.
        cache: Folder for the features of all snapshots and backbones.
        progress: Called after every batch.

    Raises:
        ImageError: An image is missing, was changed or cannot be decoded; the whole chunks before it are kept.
    """
    store, recipe = open_store(cache, backbone)
    alone = distributed.count() == 1
    cached = _LAST.get(store.folder)
    if alone and cached and cached.images is snapshot.sha256 and cached.state == store.state():
        progress(len(snapshot), len(snapshot))
        return cached.features
    state, rows = store.state(), store.rows_of(snapshot.sha256)
    if not alone or (rows < 0).any():  # several processes have to meet in _compute
        _compute(store, snapshot, backbone, rows, progress)
        state, rows = store.state(), store.rows_of(snapshot.sha256)
    else:
        progress(len(snapshot), len(snapshot))
    features = Features(store, torch.from_numpy(rows), recipe)
    _LAST.clear()
    _LAST[store.folder] = _Cached(snapshot.sha256, state, features)
    return features


@dataclass(frozen=True)
class _Cached:
    """The result of a lookup: the images, and the state of the store at that time."""

    images: list[str]
    state: tuple[int, int, int]
    features: Features


_LAST: dict[Path, _Cached] = {}
"""The last result: consecutive rounds ask for the features of the same images."""


def _compute(
    store: FeatureStore, snapshot: Snapshot, backbone: Backbone, rows: NDArray[np.int64], progress: Progress
) -> None:
    """Compute the missing features, divided among all processes."""
    missing = _missing(snapshot, rows)
    progress(len(snapshot) - len(missing), len(snapshot))
    if distributed.count() > 1:
        mine = missing[distributed.rank() :: distributed.count()]
        _add(store, backbone, _files(snapshot, mine), _counting_on(progress, snapshot, missing))
        distributed.wait_for_all()
        missing = _missing(snapshot, store.rows_of(snapshot.sha256))
    _add(store, backbone, _files(snapshot, missing), _counting_on(progress, snapshot, missing))


def _missing(snapshot: Snapshot, rows: NDArray[np.int64]) -> list[int]:
    """Return one image for every content that has no record."""
    return sorted({snapshot.sha256[i]: i for i in np.flatnonzero(rows < 0).tolist()}.values())


def _files(snapshot: Snapshot, images: list[int]) -> Iterator[ImageFile]:
    for i in images:
        yield ImageFile(snapshot.sha256[i], snapshot.image_path(i), snapshot.image_names[i])


def _counting_on(progress: Progress, snapshot: Snapshot, missing: list[int]) -> Callable[[int], None]:
    """Return a callback that adds the images whose features were already there."""
    before = len(snapshot) - len(missing)
    return lambda done: progress(before + done, len(snapshot))


def compute_some(files: list[ImageFile], backbone: Backbone, cache: Path, *, seconds: float) -> int:
    """Compute the features of images until the time is used up.

    Args:
        files: The images; those that have features take no time.
        backbone: In evaluation mode.
        cache: Folder for the features of all snapshots and backbones.
        seconds: Time limit; a batch that has begun is finished.

    Returns:
        The number of leading files that need no further call.

    Raises:
        ImageError: An image of the next batch is missing, was changed or cannot be decoded.
    """
    store, _ = open_store(cache, backbone)
    rows = store.rows_of([file.sha256 for file in files])
    until = time.monotonic() + seconds
    for place in np.flatnonzero(rows < 0).tolist()[::BATCH]:
        if time.monotonic() > until:
            return place
        batch = [file for file, row in zip(files[place:], rows[place:], strict=True) if row < 0][:BATCH]
        _add(store, backbone, batch, lambda _: None)
    return len(files)


def _add(
    store: FeatureStore, backbone: Backbone, files: Iterable[ImageFile], progress: Callable[[int], None]
) -> None:
    """Compute and save the features of some images, `CHUNK` at a time."""
    features_of = inference(backbone, store.folder.parent)
    done = 0
    waiting: list[str] = []
    parts: list[Tensor] = []

    def save() -> None:
        if waiting:
            store.append(waiting, torch.cat(parts).numpy())
            waiting.clear()
            parts.clear()

    with torch.inference_mode(), freed_memory_kept():
        for batch, images in _decoded(files, backbone.input_size):
            waiting += [file.sha256 for file in batch]
            parts.append(features_of(images).half())
            if len(waiting) >= CHUNK:
                save()
            done += len(batch)
            progress(done)
        save()


def open_store(cache: Path, backbone: Backbone) -> tuple[FeatureStore, dict[str, object]]:
    """Return the store of a backbone's features in the folder `cache`, and what they depend on."""
    recipe: dict[str, object] = {
        "backbone": backbone.name,
        "weights_sha256": backbone.weights_sha256,
        "side": backbone.input_size,
        "version": VERSION,
    }
    key = f"{backbone.name}-{sha256_text(canonical_json(recipe))[:16]}"
    return FeatureStore(cache / key, recipe, backbone.feature_size), recipe


def _decoded(files: Iterable[ImageFile], side: int) -> Iterator[tuple[list[ImageFile], Tensor]]:
    """Yield batches of files with their uint8 images; the next batch is decoded while the current one is used."""
    # Warning filters are process-wide, and `load_image` changes them in every thread: restore them at the end.
    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
        rest = iter(files)

        def begin() -> tuple[list[ImageFile], list[Future[Tensor]]]:
            batch = list(islice(rest, BATCH))
            return batch, [pool.submit(_decode, file, side) for file in batch]

        try:
            ahead = begin()
            while ahead[0]:
                (batch, images), ahead = ahead, begin()
                yield batch, torch.stack([image.result() for image in images])
        finally:
            pool.shutdown(cancel_futures=True)


def _decode(file: ImageFile, side: int) -> Tensor:
    image = load_image(file.path, side)
    if sha256_file(file.path) != file.sha256:
        raise ImageError(
            f"{file.path} was changed: it is no longer the file of {file.name}.",
            "Its features were not computed; those of the images before it are kept.",
            "Restore the file, or import the image again and export a new snapshot.",
        )
    return image
