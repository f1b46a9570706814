"""A snapshot as a PyTorch dataset, for use in other training loops (docs/export.md)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from trainer.data.images import load_view
from trainer.data.snapshot import AGAIN, KEPT, Snapshot
from trainer.runtime.errors import SnapshotError
from trainer.views import WHOLE, View

NOT_KNOWN = -100
"""Class index of a cell without a usable label; `cross_entropy` ignores it by default."""


class SnapshotDataset(Dataset[tuple[Any, dict[str, Tensor]]]):
    """The images of a snapshot with their labels; item i is (image, {attribute: class index}).

    Args:
        path: The snapshot folder, which is verified.
        split: `train`, `val` or `test`; None for all images.
        side: Side in pixels of the square that images are resized to.
        view: What is seen of an image: `trainer.views.WHOLE`, `HEAD` or `FACE`.
        transform: Turns the float (3, side, side) image, 0 to 1, into the network's input.
        images_root: Current folder of the image files, if it is not the one in the manifest.

    Attributes:
        classes: Attribute → the names of its classes, in the order of the class indices.
        names: The images' names.

    Raises:
        SnapshotError: It is incomplete, was changed, or has no image in that split.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        split: str | None = None,
        side: int = 224,
        view: View = WHOLE,
        transform: Callable[[Tensor], Any] | None = None,
        images_root: str | Path | None = None,
    ) -> None:
        self.snapshot = Snapshot.open(Path(path), images_root=Path(images_root) if images_root else None)
        chosen = np.ones(len(self.snapshot), bool) if split is None else self.snapshot.splits == split
        self._indices = np.flatnonzero(chosen)
        if not len(self._indices):
            raise SnapshotError(f"{path} has no image in the split {split!r}.", KEPT, AGAIN)
        self.view = replace(view, side=side)
        self.transform = transform
        self.classes = {a.name: [value.name for value in a.values] for a in self.snapshot.categorical}
        self.names = [self.snapshot.image_names[index] for index in self._indices]

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, item: int) -> tuple[Any, dict[str, Tensor]]:
        """Decode one image.

        Raises:
            ImageError: Its file is missing or cannot be decoded.
        """
        index = int(self._indices[item])
        landmarks = self.snapshot.landmarks[index]
        image = load_view(self.snapshot.image_path(index), landmarks, self.view).float() / 255
        labels = {
            name: torch.tensor(column[index] if column[index] >= 0 else NOT_KNOWN, dtype=torch.int64)
            for name, column in self.snapshot.labels.items()
        }
        return (image if self.transform is None else self.transform(image)), labels
