"""The labelled images of a snapshot as a torch dataset, and the order in which an epoch sees them."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from trainer.data.images import load_image
from trainer.data.snapshot import Snapshot
from trainer.runtime import distributed
from trainer.runtime.errors import ImageError
from trainer.runtime.seeds import mix

Augment = Callable[[int, Tensor], Tensor]
"""An item's number and its uint8 (3, side, side) image into the changed image."""


class Batch(NamedTuple):
    """Images as (N, 3, side, side) uint8, and attribute -> (N,) class indices, negative where not known."""

    images: Tensor
    labels: dict[str, Tensor]


class SnapshotImages(Dataset[Batch]):
    """Some images of a snapshot, decoded when asked for, or once for all if they fit into memory.

    Args:
        snapshot: Where they are.
        indices: Which ones; item i is the image `indices[i]`.
        attributes: Whose labels go with them.
        side: Pixels of the decoded square.
        crop: Share of the sides that is kept, around the middle.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        indices: NDArray[np.int64],
        attributes: list[str],
        *,
        side: int,
        crop: float = 1.0,
    ) -> None:
        self.snapshot = snapshot
        self.indices = indices
        self.side = side
        self.crop = crop
        self.labels = {name: snapshot.labels[name][indices] for name in attributes}
        self.cache: Tensor | None = None
        self.augment: Augment | None = None

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def memory(self) -> int:
        """Bytes that all images need once they are decoded."""
        return len(self) * 3 * self.side**2

    def keep_in_memory(self, progress: Callable[[int], None]) -> None:
        """Decode every image now; afterwards none is read from its file again.

        Args:
            progress: Called with the number of images done.

        Raises:
            ImageError: Some images cannot be decoded; it names the first of them and counts them all.
        """
        cache = torch.empty(len(self), 3, self.side, self.side, dtype=torch.uint8)
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
        """Return a batch, or why it cannot be had; torch's DataLoader calls this with all of a batch's items.

        An error is returned and not raised, because a worker process would make a bare traceback of it.
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
        return load_image(self.snapshot.image_path(int(self.indices[item])), self.side, crop=self.crop)


def epoch_order(
    count: int, batch_size: int, *, seed: int, epoch: int, weights: NDArray[np.float64] | None = None
) -> list[list[int]]:
    """Return the batches of an epoch, in an order that depends on seed, epoch and weights alone.

    Every item comes once; with (count,) weights, which add up to 1, as many are drawn with these probabilities. The
    batches are as even as can be, so that none is left with a single image.
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
    """Yield augmented batches; what they hold does not depend on the number of workers."""
    images.augment = augment
    try:
        yield from _load(images, batches, workers)
    finally:
        images.augment = None


def plain_batches(
    images: SnapshotImages, batches: list[list[int]], *, workers: int | None
) -> Iterator[tuple[list[int], Batch]]:
    """Yield the items of every batch, and the batch as it is."""
    yield from zip(batches, _load(images, batches, workers), strict=True)


def _load(images: SnapshotImages, batches: list[list[int]], workers: int | None) -> Iterator[Batch]:
    workers = distributed.image_workers() if workers is None else workers
    # The generator keeps torch's global one out of it; forked workers share the memory of the decoded images.
    loader = DataLoader(
        images,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=_as_it_is,
        generator=torch.Generator().manual_seed(0),
        multiprocessing_context="fork" if workers else None,
    )
    for batch in loader:
        if isinstance(batch, ImageError):
            raise batch
        yield batch


def _as_it_is(batch: Any) -> Any:
    return batch
