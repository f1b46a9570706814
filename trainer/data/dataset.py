"""The labelled images of a snapshot as a torch dataset, and the order in which an epoch sees them."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from trainer.data.images import load_view
from trainer.data.snapshot import Snapshot
from trainer.runtime import distributed
from trainer.runtime.errors import ImageError
from trainer.runtime.seeds import mix
from trainer.views import View

Augment = Callable[[int, Tensor], Tensor]
"""Turns an item's number and its uint8 (3, side, side) image into the changed image."""


class Batch(NamedTuple):
    """Images as (N, 3, side, side) uint8, and attribute -> (N,) class indices, negative where there is no label."""

    images: Tensor
    labels: dict[str, Tensor]


class SnapshotImages(Dataset[Batch]):
    """Some images of a snapshot, decoded on demand or, if they fit into memory, once for all epochs.

    Args:
        snapshot: The snapshot.
        indices: Which of its images; item i is the image `indices[i]`.
        attributes: Attributes whose labels are needed.
        view: What is seen of an image, and its side in pixels.
        crop: Proportion of the sides of whole images that is kept, around the middle.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        indices: NDArray[np.int64],
        attributes: list[str],
        *,
        view: View,
        crop: float = 1.0,
    ) -> None:
        self.snapshot = snapshot
        self.indices = indices
        self.view = view
        self.crop = crop
        self.labels = {name: snapshot.labels[name][indices] for name in attributes}
        self.cache: Tensor | None = None
        self.augment: Augment | None = None

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def memory(self) -> int:
        """Bytes that all decoded images need."""
        return len(self) * 3 * self.view.side**2

    def keep_in_memory(self, progress: Callable[[int], None]) -> None:
        """Decode every image now; no file is read again afterwards.

        Args:
            progress: Called with the number of images done.

        Raises:
            ImageError: Some images cannot be decoded. The error names the first of them and counts the others.
        """
        cache = torch.empty(len(self), 3, self.view.side, self.view.side, dtype=torch.uint8)
        failures: list[ImageError] = []
        for item in range(len(self)):
            try:
                cache[item] = self._decode(item)
            except ImageError as failure:
                failures.append(failure)
            progress(item + 1)
        if failures:
            others = f" {len(failures) - 1} other images fail too." if len(failures) > 1 else ""
            raise ImageError(failures[0].what + others, "No training was started.", failures[0].do)
        self.cache = cache

    def __getitem__(self, item: int) -> Batch:
        """Return the batch of one image."""
        return self.batch([item])

    def __getitems__(self, items: list[int]) -> Batch | ImageError:
        """Return a batch, or the error that prevented it; torch's DataLoader calls this with all items of a batch.

        The error is returned and not raised, because a worker process would turn it into a bare traceback.
        """
        try:
            return self.batch(items)
        except ImageError as failure:
            return failure

    def batch(self, items: list[int]) -> Batch:
        """Return the batch of some images.

        Raises:
            ImageError: One of them cannot be decoded.
        """
        images = [self.cache[i] if self.cache is not None else self._decode(i) for i in items]
        if self.augment is not None:
            images = [self.augment(item, image) for image, item in zip(images, items, strict=True)]
        labels = {name: torch.from_numpy(column[items]) for name, column in self.labels.items()}
        return Batch(torch.stack(images), labels)

    def _decode(self, item: int) -> Tensor:
        image = int(self.indices[item])
        landmarks = self.snapshot.landmarks[image]
        return load_view(self.snapshot.image_path(image), landmarks, self.view, crop=self.crop)


def epoch_order(
    count: int, batch_size: int, *, seed: int, epoch: int, weights: NDArray[np.float64] | None = None
) -> list[list[int]]:
    """Return the batches of an epoch, in an order that depends only on seed, epoch and weights.

    Without weights every item appears once. With (count,) weights, which add up to 1, `count` items are drawn with these
    probabilities. The batches are as even as possible, so that no batch has a single image.
    """
    random = np.random.default_rng(mix(seed, epoch))
    order = random.permutation(count) if weights is None else random.choice(count, count, p=weights)
    return [chunk.tolist() for chunk in np.array_split(order, max(1, -(-count // batch_size)))]


def train_batches(
    images: SnapshotImages,
    batches: list[list[int]],
    augment: Augment,
    *,
    workers: int | None,
) -> Iterator[Batch]:
    """Yield augmented batches; their content does not depend on the number of workers."""
    images.augment = augment
    try:
        yield from _load(images, batches, workers)
    finally:
        images.augment = None


def plain_batches(
    images: SnapshotImages, batches: list[list[int]], *, workers: int | None
) -> Iterator[tuple[list[int], Batch]]:
    """Yield every batch with its items, without augmentation."""
    yield from zip(batches, _load(images, batches, workers), strict=True)


def _load(images: SnapshotImages, batches: list[list[int]], workers: int | None) -> Iterator[Batch]:
    workers = distributed.image_workers() if workers is None else workers
    # The generator leaves torch's global one untouched; forked workers share the memory of the decoded images.
    loader = DataLoader(
        images,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=_unchanged,
        generator=torch.Generator().manual_seed(0),
        multiprocessing_context="fork" if workers else None,
    )
    for batch in loader:
        if isinstance(batch, ImageError):
            raise batch
        yield batch


def _unchanged(batch: Any) -> Any:
    return batch
