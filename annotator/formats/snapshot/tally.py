"""Counting images, groups and labels while a snapshot is written, for its manifest and its card."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.schema import CANNOT_TELL, Schema
from annotator.formats.snapshot.images import MISSING, Codes, ImageBatch

SPLITS = ("train", "val", "test")
_NUMBER = {split: number for number, split in enumerate(SPLITS)}


class Tally:
    """Counts images, groups and labels batch by batch, so that no batch stays in memory.

    Args:
        schema: the snapshot's schema.
    """

    def __init__(self, schema: Schema) -> None:
        self.attributes = schema.attributes
        self.splits: Counter[str] = Counter()
        """Images by split."""
        self.done: Counter[str] = Counter()
        """Images by split that need no further answer."""
        self.sources: Counter[str] = Counter()
        """Images by source."""
        self._categorical = [a.name for a in schema.attributes if a.kind == "categorical"]
        self._cells: dict[str, Counter[tuple[int, str]]] = {n: Counter() for n in self._categorical}
        self._people: dict[str, array[int]] = {
            a.name: array("q") for a in schema.attributes if a.kind == "open"
        }
        # Groups by 64-bit hash: a million names would take a hundred megabytes.
        self._groups: dict[str, array[int]] = defaultdict(lambda: array("q"))

    def add(self, batch: ImageBatch) -> None:
        """Count a batch of images and their labels."""
        self.splits.update(batch.splits)
        self.done.update(compress(batch.splits, batch.done))
        self.sources.update(batch.sources)
        split = split_numbers(batch.splits)
        groups = np.fromiter(map(hash, batch.groups), np.int64, len(batch))
        for number, name in enumerate(SPLITS):
            if (of_split := split == number).any():
                self._groups[name].frombytes(groups[of_split].tobytes())
        self.add_labels(split, batch.codes)

    def add_labels(self, split: NDArray[np.int8], codes: Codes) -> None:
        """Count the labels of some images; `split` is the position of each image's split in SPLITS."""
        for name, cells in self._cells.items():
            labelled = codes[name] != MISSING
            numbers = codes[name][labelled].astype(np.int64) * len(SPLITS) + split[labelled]
            distinct, counts = np.unique(numbers, return_counts=True)
            for cell, images in zip(distinct.tolist(), counts.tolist(), strict=True):
                code, number = divmod(cell, len(SPLITS))
                cells[code, SPLITS[number]] += images
        for name, people in self._people.items():
            people_codes = codes[name].astype(np.int64)
            people.frombytes(people_codes[people_codes != MISSING].tobytes())

    @property
    def images(self) -> int:
        """The number of all images."""
        return self.splits.total()

    def people(self, attribute: str) -> tuple[int, int]:
        """Return the numbers of labelled images and of people of an open attribute."""
        codes = (
            np.frombuffer(self._people[attribute], dtype=np.int64)
            if self._people[attribute]
            else np.array([])
        )
        return len(codes), len(np.unique(codes[codes != CANNOT_TELL]))

    def groups(self) -> dict[str, int]:
        """Return the number of groups by split."""
        return {split: len(_distinct(groups)) for split, groups in self._groups.items()}

    def all_groups(self) -> int:
        """Return the number of groups; it is less than the sum over the splits if a group is in two of them."""
        return len(np.unique(np.concatenate([_distinct(groups) for groups in self._groups.values()] or [[]])))

    def leaks(self) -> int:
        """Return how often a group is in a further split; 0 if the splits share no group."""
        return sum(self.groups().values()) - self.all_groups()

    def labels_of(self, attribute: str) -> dict[int | None, dict[str, int]]:
        """Return the number of labels of a categorical attribute by code (None is "can't tell") and split."""
        labels: dict[int | None, dict[str, int]] = defaultdict(dict)
        for (code, split), number in self._cells[attribute].items():
            labels[None if code == CANNOT_TELL else code][split] = number
        return labels

    def manifest(self) -> dict[str, Any]:
        """Return the `counts` of the manifest."""
        return {
            "attributes": self.labels(),
            "groups": self.all_groups(),
            "images": self.images,
            "labelled": self.done.total(),
            "splits": dict(self.splits),
        }

    def labels(self) -> dict[str, dict[str, int]]:
        """Return the number of labels of every categorical attribute by code, as the manifest has them."""
        return {
            name: {
                str(CANNOT_TELL if code is None else code): sum(splits.values())
                for code, splits in self.labels_of(name).items()
            }
            for name in self._categorical
        }


def split_numbers(splits: Sequence[str]) -> NDArray[np.int8]:
    """Return the position of each split in SPLITS."""
    return np.fromiter(map(_NUMBER.__getitem__, splits), np.int8, len(splits))


def _distinct(groups: array[int]) -> Any:
    return np.unique(np.frombuffer(groups, dtype=np.int64)) if groups else []
