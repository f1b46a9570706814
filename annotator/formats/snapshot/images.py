"""The images of a snapshot with their labels: by columns, in batches of thousands, or one by one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat, starmap
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.schema import CANNOT_TELL
from annotator.errors import FacelabelError
from annotator.store.base import ContentStore

MISSING = CANNOT_TELL - 1
"""The code of a cell without a label, in columns of codes."""
Codes = Mapping[str, NDArray[np.integer[Any]]]
"""(images,) codes of each attribute; they may be CANNOT_TELL and MISSING."""
Probabilities = Mapping[str, NDArray[np.float64]]
"""(images,) probabilities of each attribute; NaN for a cell that no model filled."""
BATCH = 2000
"""The number of images of a batch."""
NOTHING_FILLED: Mapping[str, float] = MappingProxyType({})


@dataclass(slots=True)  # not frozen, which would cost a second per million images
class SnapshotImage:
    """An image with its labels by attribute name; None is "can't tell", an absent name is not labelled.

    `filled`: the labels that a model filled, as probabilities by attribute name.
    """

    name: str
    sha256: str
    extension: str
    width: int
    height: int
    split: str
    group: str
    source: str
    original_path: str
    done: bool
    labels: dict[str, int | None]
    crop_box: str = ""
    filled: Mapping[str, float] = field(default_factory=lambda: NOTHING_FILLED)

    @property
    def file(self) -> str:
        """The path of the image file below the root of the images."""
        return image_file(self.sha256, self.extension)


@dataclass(frozen=True)
class ImageBatch:
    """Some images by columns. `codes` holds the cells that a model filled too, and `filled` their probabilities."""

    names: Sequence[str]
    sha256: Sequence[str]
    extensions: Sequence[str]
    widths: Sequence[int]
    heights: Sequence[int]
    splits: Sequence[str]
    groups: Sequence[str]
    sources: Sequence[str]
    original_paths: Sequence[str]
    done: Sequence[bool]
    crop_boxes: Sequence[str]
    codes: Codes
    filled: Probabilities = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def files(self) -> list[str]:
        """The paths of the image files below the root of the images."""
        return list(map(image_file, self.sha256, self.extensions))

    def rows(self) -> Iterator[SnapshotImage]:
        """Yield the images one by one."""
        columns = zip(
            self.names, self.sha256, self.extensions, self.widths, self.heights, self.splits, self.groups, self.sources,
            self.original_paths, self.done, self._labels(), self.crop_boxes, self._filled(), strict=True,
        )  # fmt: skip
        return starmap(SnapshotImage, columns)

    def _labels(self) -> Iterator[dict[str, int | None]]:
        columns = [column.tolist() for column in self.codes.values()]
        for codes in zip(*columns, strict=True) if columns else repeat((), len(self)):
            yield {
                name: None if code == CANNOT_TELL else code
                for name, code in zip(self.codes, codes, strict=True)
                if code != MISSING
            }

    def _filled(self) -> Iterator[Mapping[str, float]]:
        if not self.filled:
            yield from repeat(NOTHING_FILLED, len(self))
            return
        columns = [column.tolist() for column in self.filled.values()]
        for probabilities in zip(*columns, strict=True):
            cells = zip(self.filled, probabilities, strict=True)
            yield {name: one for name, one in cells if not math.isnan(one)} or NOTHING_FILLED


def image_file(sha256: str, extension: str) -> str:
    """Return the path of an image file below the root of the images."""
    return f"{sha256[:2]}/{sha256}.{extension}"


def place_image(store: ContentStore, file: str, name: str, place: Path, *, link: bool) -> None:
    """Give an image file a second name or copy it, checked against the hash in its name.

    Args:
        store: the store of the image files.
        file: the image file's path, from `image_file`.
        name: the image's name, for the error.
        place: the new file.
        link: whether it gets a second name rather than a copy.

    Raises:
        FacelabelError: if the image file is missing, or its bytes have changed.
        OSError: if the new file cannot be written; FileExistsError if there is such a file already.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    shard, _, file_name = file.partition("/")
    sha256, _, extension = file_name.partition(".")
    if not store.place(sha256, extension, place, link=link):
        state = "has other bytes than at its import" if file_name in store.list(shard) else "is missing"
        raise FacelabelError(
            "image_damaged",
            f"The file of the image {name} {state}: {store.describe(sha256, extension)}.",
            kept="Nothing was written.",
            do="Import the image again, or restore a backup into another folder. `facelabel doctor --deep` finds all such images.",
        )
