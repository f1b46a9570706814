"""Features of a frozen pretrained backbone, computed once per image and view and kept on disk."""

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.data.faces import no_landmarks
from trainer.data.snapshot import Snapshot
from trainer.networks import Backbone
from trainer.networks.inference import inference
from trainer.pixels.files import image_file_hash
from trainer.probe.feature_store import FeatureStore
from trainer.probe.sources import VIEWS, Source, open_source
from trainer.runtime import distributed
from trainer.runtime.allocator import freed_memory_kept
from trainer.runtime.errors import ImageError
from trainer.views import View, load_views

BATCH, CHUNK = 32, 512
AHEAD = 4
"""Images between two looks at the time when features are computed ahead: a round that is due waits for twice as many at most."""

Progress = Callable[[int, int], None]
"""Called with the number of images done and the number of all images."""


class ImageFile(NamedTuple):
    """An image: the sha256 of its bytes, its file, its name for error messages, and its landmarks.

    `landmarks`: (5, 2) as in `Snapshot.landmarks`; NaN or None if the image has no face.
    """

    sha256: str
    path: Path
    name: str
    landmarks: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Features:
    """The features of one view of a snapshot's images.

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


def compute_features(
    snapshot: Snapshot, backbone: Backbone, cache: Path, views: Sequence[View] = VIEWS, *, progress: Progress
) -> dict[str, Features]:
    """Compute the features of all views of a snapshot's images that are not in the cache yet, with one decode per image.

    A run that was killed continues where it stopped; at most `CHUNK` images are computed again. Several processes divide
    the missing images among themselves. If they do not share the cache folder (on other machines), each of them then
    computes the rest too.

    Args:
        snapshot: Names the images.
        backbone: In evaluation mode.
        cache: Folder for the features of all snapshots, backbones and views.
        views: What the backbone sees of an image.
        progress: Called after every batch.

    Returns:
        View name → its features, in the order of `views`.

    Raises:
        ImageError: An image is missing, was changed or cannot be decoded; the whole chunks before it are kept.
    """
    sources = [open_source(cache, backbone, view) for view in views]
    alone = distributed.count() == 1
    if alone and (cached := [_cached(snapshot, source) for source in sources]) and all(cached):
        progress(len(snapshot), len(snapshot))
        return {view.name: features for view, features in zip(views, cached, strict=True) if features}
    keys = [source.keys(snapshot.sha256, snapshot.landmarks) for source in sources]
    found = _look_up(sources, keys)
    if not alone or any((rows < 0).any() for _, rows in found):  # several processes have to meet in _compute
        _compute(snapshot, backbone, sources, keys, progress)
        found = _look_up(sources, keys)
    else:
        progress(len(snapshot), len(snapshot))
    _LAST.clear()
    for source, (state, rows) in zip(sources, found, strict=True):
        features = Features(source.store, torch.from_numpy(rows), source.recipe)
        _LAST[source.store.folder] = _Cached(snapshot.sha256, snapshot.landmarks, state, features)
    return {source.view.name: _LAST[source.store.folder].features for source in sources}


def _look_up(
    sources: list[Source], keys: list[list[str]]
) -> list[tuple[tuple[int, int, int], NDArray[np.int64]]]:
    """Return the state of each store, read before its records, and the records of the keys."""
    return [
        (source.store.state(), source.store.rows_of(of_view))
        for source, of_view in zip(sources, keys, strict=True)
    ]


@dataclass(frozen=True)
class _Cached:
    """The result of a lookup: the images and landmarks, and the state of the store at that time."""

    images: list[str]
    landmarks: NDArray[np.float32]
    state: tuple[int, int, int]
    features: Features


_LAST: dict[Path, _Cached] = {}
"""The last result, by the folder of the store: consecutive rounds ask for the features of the same images."""


def _cached(snapshot: Snapshot, source: Source) -> Features | None:
    last = _LAST.get(source.store.folder)
    unchanged = (
        last is not None
        and last.images is snapshot.sha256
        and (
            last.landmarks is snapshot.landmarks
            or np.array_equal(last.landmarks, snapshot.landmarks, equal_nan=True)
        )
        and last.state == source.store.state()
    )
    return last.features if last is not None and unchanged else None


def _compute(
    snapshot: Snapshot, backbone: Backbone, sources: list[Source], keys: list[list[str]], progress: Progress
) -> None:
    """Compute the missing features, divided among all processes."""

    def image(number: int) -> ImageFile:
        path, name = snapshot.image_path(number), snapshot.image_names[number]
        return ImageFile(snapshot.sha256[number], path, name, snapshot.landmarks[number])

    def add(missing: list[tuple[int, _Keys]]) -> None:
        images = ((image(number), lacking) for number, lacking in missing)
        _add(sources, backbone, images, lambda done: progress(before + done, len(snapshot)), BATCH)

    missing = _missing(sources, keys)
    before = len(snapshot) - len(missing)
    progress(before, len(snapshot))
    if distributed.count() > 1:
        add(missing[distributed.rank() :: distributed.count()])
        distributed.wait_for_all()
        missing = _missing(sources, keys)
    add(missing)


_Keys = dict[str, str]
"""View name → key of the record that an image lacks."""


def _missing(sources: list[Source], keys: list[list[str]]) -> list[tuple[int, _Keys]]:
    """Return the numbers of images that lack records, and the keys of these; every key once."""
    rows = [source.store.rows_of(of_view) for source, of_view in zip(sources, keys, strict=True)]
    missing: list[tuple[int, _Keys]] = []
    seen: set[str] = set()
    for number in np.flatnonzero(np.any(np.stack(rows) < 0, axis=0)).tolist():
        lacking = {
            source.view.name: of_view[number]
            for source, of_view, records in zip(sources, keys, rows, strict=True)
            if records[number] < 0 and of_view[number] not in seen
        }
        seen.update(lacking.values())
        if lacking:
            missing.append((number, lacking))
    return missing


def compute_some(
    files: list[ImageFile],
    backbone: Backbone,
    cache: Path,
    views: Sequence[View] = VIEWS,
    *,
    seconds: float,
) -> int:
    """Compute the features of images until the time is used up.

    Args:
        files: The images; those that have features take no time.
        backbone: In evaluation mode.
        cache: Folder for the features of all snapshots, backbones and views.
        views: What the backbone sees of an image.
        seconds: Time limit; what is decoded by then is finished. Records are saved together at the end: each save waits for
            the disk, and for other processes that save.

    Returns:
        The number of leading files that need no further call.

    Raises:
        ImageError: An image is missing, was changed or cannot be decoded; the records of the batches before it are kept.
    """
    sources = [open_source(cache, backbone, view) for view in views]
    hashes = [file.sha256 for file in files]
    landmarks = no_landmarks(len(files)).copy()
    for number, file in enumerate(files):
        if file.landmarks is not None:
            landmarks[number] = file.landmarks
    missing = _missing(sources, [source.keys(hashes, landmarks) for source in sources])
    until, done = time.monotonic() + seconds, len(files)

    def in_time() -> Iterator[tuple[ImageFile, _Keys]]:
        nonlocal done
        for place, (number, lacking) in enumerate(missing):
            if place % AHEAD == 0 and time.monotonic() > until:
                done = number
                return
            yield files[number], lacking

    _add(sources, backbone, in_time(), lambda _: None, AHEAD)
    return done


def _add(
    sources: list[Source],
    backbone: Backbone,
    images: Iterable[tuple[ImageFile, _Keys]],
    progress: Callable[[int], None],
    size: int,
) -> None:
    """Compute the records that some images lack, `size` images at a time, and save them, `CHUNK` images at a time.

    If an image fails, the records of the batches before it are saved.
    """
    features_of = inference(backbone, sources[0].store.folder.parent)
    done = unsaved = 0
    waiting: dict[str, tuple[list[str], list[Tensor]]] = {source.view.name: ([], []) for source in sources}

    def save() -> None:
        for source in sources:
            keys, parts = waiting[source.view.name]
            if keys:
                source.store.append(keys, torch.cat(parts).numpy())
                keys.clear()
                parts.clear()

    with torch.inference_mode(), freed_memory_kept():
        try:
            for batch, views in _decoded(images, [source.view for source in sources], size):
                for name, pixels in views.items():
                    keys, parts = waiting[name]
                    parts.append(features_of(pixels).half())
                    keys += [lacking[name] for _, lacking in batch if name in lacking]
                done, unsaved = done + len(batch), unsaved + len(batch)
                if unsaved >= CHUNK:
                    save()
                    unsaved = 0
                progress(done)
        except ImageError:
            save()
            raise
        save()


def _decoded(
    images: Iterable[tuple[ImageFile, _Keys]], views: Sequence[View], size: int
) -> Iterator[tuple[list[tuple[ImageFile, _Keys]], dict[str, Tensor]]]:
    """Yield batches of images with the uint8 pixels of the views they lack; the next batch is decoded meanwhile."""
    # Warning filters are process-wide, and the decoder changes them in every thread: restore them at the end.
    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
        rest = iter(images)

        def begin() -> tuple[list[tuple[ImageFile, _Keys]], list[Future[dict[str, NDArray[np.uint8]]]]]:
            batch = list(islice(rest, size))
            return batch, [
                pool.submit(_decode, file, [view for view in views if view.name in lacking])
                for file, lacking in batch
            ]

        try:
            ahead = begin()
            while ahead[0]:
                (batch, futures), ahead = ahead, begin()
                decoded = [future.result() for future in futures]
                yield batch, _by_view(decoded, views)
        finally:
            pool.shutdown(cancel_futures=True)


def _by_view(decoded: list[dict[str, NDArray[np.uint8]]], views: Sequence[View]) -> dict[str, Tensor]:
    """Return view name → (N, 3, side, side) pixels of the N images with this view; views of no image are left out."""
    pixels = {view.name: [cuts[view.name] for cuts in decoded if view.name in cuts] for view in views}
    return {
        name: torch.from_numpy(np.stack(cuts)).permute(0, 3, 1, 2) for name, cuts in pixels.items() if cuts
    }


def _decode(file: ImageFile, views: Sequence[View]) -> dict[str, NDArray[np.uint8]]:
    cuts = load_views(file.path, file.landmarks, views)
    if image_file_hash(file.path) != file.sha256:
        raise ImageError(
            f"{file.path} was changed: it is no longer the file of {file.name}.",
            "Its features were not computed; those of the images before it are kept.",
            "Restore the file, or import the image again and export a new snapshot.",
        )
    return cuts
