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
from trainer.probe.feature_store import FeatureStore
from trainer.runtime import distributed
from trainer.runtime.allocator import freed_memory_kept
from trainer.runtime.errors import ImageError
from trainer.runtime.files import canonical_json, sha256_file, sha256_text

BACKBONE = "faces"
"""The network whose features a probe is trained on."""
VERSION = 2
"""Counts changes of this module that change the features."""
BATCH, CHUNK = 32, 512

Progress = Callable[[int, int], None]
"""Called with images done and images in all."""


class ImageFile(NamedTuple):
    """An image: the sha256 of its bytes, its file, and what people call it."""

    sha256: str
    path: Path
    name: str


@dataclass(frozen=True, eq=False)
class Features:
    """Where the features of a snapshot's images are.

    Attributes:
        store: The records.
        rows: (images,) number of each image's record.
        recipe: What the features depend on.
    """

    store: FeatureStore
    rows: Tensor
    recipe: dict[str, object]

    def of(self, images: Tensor) -> Tensor:
        """Return the (len(images), size) float32 features of some images of the snapshot."""
        return torch.from_numpy(self.store.records()[self.rows[images].numpy()]).float()


def compute_features(snapshot: Snapshot, backbone: Backbone, cache: Path, *, progress: Progress) -> Features:
    """Compute the features of every image of a snapshot that is not in the cache yet.

    A run that was killed goes on where it was, less at most `CHUNK` images. Several processes share the missing images out;
    where they do not share the folder (other machines), each then computes the rest too.

    Args:
        snapshot: Whose images.
        backbone: In evaluation mode.
        cache: A folder for the features of all snapshots and backbones.
        progress: Called after every batch.

    Raises:
        ImageError: An image is missing, changed or cannot be decoded; whole chunks before it are kept.
    """
    store, recipe = open_store(cache, backbone)
    alone = distributed.count() == 1
    kept = _LAST.get(store.folder)
    if alone and kept and kept.images is snapshot.sha256 and kept.state == store.state():
        progress(len(snapshot), len(snapshot))
        return kept.features
    state, rows = store.state(), store.rows_of(snapshot.sha256)
    if not alone or (rows < 0).any():  # several processes wait for each other there
        _compute(store, snapshot, backbone, rows, progress)
        state, rows = store.state(), store.rows_of(snapshot.sha256)
    else:
        progress(len(snapshot), len(snapshot))
    features = Features(store, torch.from_numpy(rows), recipe)
    _LAST.clear()
    _LAST[store.folder] = _Kept(snapshot.sha256, state, features)
    return features


@dataclass(frozen=True)
class _Kept:
    """Features that were looked up: whose, and in which state of the store."""

    images: list[str]
    state: tuple[int, int, int]
    features: Features


_LAST: dict[Path, _Kept] = {}
"""The last ones: a round after another asks for those of the same images."""


def _compute(
    store: FeatureStore, snapshot: Snapshot, backbone: Backbone, rows: NDArray[np.int64], progress: Progress
) -> None:
    """Compute what is missing, shared out over all distributed."""
    missing = _missing(snapshot, rows)
    progress(len(snapshot) - len(missing), len(snapshot))
    if distributed.count() > 1:
        mine = missing[distributed.rank() :: distributed.count()]
        _add(store, backbone, _files(snapshot, mine), _counting_on(progress, snapshot, missing))
        distributed.wait_for_all()
        missing = _missing(snapshot, store.rows_of(snapshot.sha256))
    _add(store, backbone, _files(snapshot, missing), _counting_on(progress, snapshot, missing))


def _missing(snapshot: Snapshot, rows: NDArray[np.int64]) -> list[int]:
    """One image of every content that has no record."""
    return sorted({snapshot.sha256[i]: i for i in np.flatnonzero(rows < 0).tolist()}.values())


def _files(snapshot: Snapshot, images: list[int]) -> Iterator[ImageFile]:
    for i in images:
        yield ImageFile(snapshot.sha256[i], snapshot.image_path(i), snapshot.image_names[i])


def _counting_on(progress: Progress, snapshot: Snapshot, missing: list[int]) -> Callable[[int], None]:
    """Count on from the images whose features were known."""
    known = len(snapshot) - len(missing)
    return lambda done: progress(known + done, len(snapshot))


def compute_some(files: list[ImageFile], backbone: Backbone, cache: Path, *, seconds: float) -> int:
    """Compute the features of images for a while.

    Args:
        files: The images; those whose features are known take no time.
        backbone: In evaluation mode.
        cache: A folder for the features of all snapshots and backbones.
        seconds: After how long to stop; the batch that is begun is finished.

    Returns:
        How many of the files, from the first on, need not be looked at again.

    Raises:
        ImageError: An image of the next batch is missing, changed or cannot be decoded.
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
    """Compute the features of some images and keep them, `CHUNK` at a time."""
    backbone = backbone.to(distributed.device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    done = 0
    waiting: list[str] = []
    parts: list[Tensor] = []

    def keep() -> None:
        if waiting:
            store.append(waiting, torch.cat(parts).numpy())
            waiting.clear()
            parts.clear()

    with torch.inference_mode(), freed_memory_kept():
        for batch, images in _decoded(files, backbone.input_size):
            waiting += [file.sha256 for file in batch]
            known = backbone(backbone.normalise(images.to(distributed.device())))
            parts.append(known.half().cpu())
            if len(waiting) >= CHUNK:
                keep()
            done += len(batch)
            progress(done)
        keep()


def open_store(cache: Path, backbone: Backbone) -> tuple[FeatureStore, dict[str, object]]:
    """Return the store of a backbone's features below `cache`, and what they depend on."""
    recipe: dict[str, object] = {
        "backbone": backbone.name,
        "weights_sha256": backbone.weights_sha256,
        "side": backbone.input_size,
        "version": VERSION,
    }
    key = f"{backbone.name}-{sha256_text(canonical_json(recipe))[:16]}"
    return FeatureStore(cache / key, recipe, backbone.feature_size), recipe


def _decoded(files: Iterable[ImageFile], side: int) -> Iterator[tuple[list[ImageFile], Tensor]]:
    """Yield batches of files and their uint8 images; the next batch is decoded while this one is used."""
    # Warnings are process-wide and `load_image` silences them in every thread: what holds now is put back at the end.
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
            f"{file.path} was changed: it is not the file that {file.name} was.",
            "Its features were not computed; those of the images before it are kept.",
            "Restore the file, or import the image again and export a new snapshot.",
        )
    return image
