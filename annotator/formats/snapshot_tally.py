"""What is counted while a snapshot is written: for its manifest and its card, without holding its images."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from itertools import compress
from typing import Any

import numpy as np

from annotator.domain.schema import CANNOT_TELL, Schema
from annotator.formats.snapshot_images import MISSING, ImageBatch

SPLITS = ("train", "val", "test")
_NUMBER = {split: number for number, split in enumerate(SPLITS)}


class Tally:
    """Counts images, groups and labels as they pass.

    Args:
        schema: the snapshot's schema.
    """

    def __init__(self, schema: Schema) -> None:
        self.attributes = schema.attributes
        self.splits: Counter[str] = Counter()
        """Images per split."""
        self.done: Counter[str] = Counter()
        """Images per split that need no further answer."""
        self.sources: Counter[str] = Counter()
        """Images per imported folder."""
        self._categorical = [a.name for a in schema.attributes if a.kind == "categorical"]
        self._cells: dict[str, Counter[tuple[int, str]]] = {n: Counter() for n in self._categorical}
        self._people: dict[str, array[int]] = {
            a.name: array("q") for a in schema.attributes if a.kind == "open"
        }
        # A number for each group, its 64-bit hash: a million names would take a hundred megabytes.
        self._groups: dict[str, array[int]] = defaultdict(lambda: array("q"))

    def add(self, batch: ImageBatch) -> None:
        """Count some images."""
        self.splits.update(batch.splits)
        self.done.update(compress(batch.splits, batch.done))
        self.sources.update(batch.sources)
        split = np.fromiter(map(_NUMBER.__getitem__, batch.splits), np.int64, len(batch))
        for name, cells in self._cells.items():
            found, counts = np.unique(
                batch.codes[name].astype(np.int64) * len(SPLITS) + split, return_counts=True
            )
            for cell, images in zip(found.tolist(), counts.tolist(), strict=True):
                code, number = divmod(cell, len(SPLITS))
                cells[code, SPLITS[number]] += images
        groups = np.fromiter(map(hash, batch.groups), np.int64, len(batch))
        for number, name in enumerate(SPLITS):
            if (of_split := split == number).any():
                self._groups[name].frombytes(groups[of_split].tobytes())
        for name, people in self._people.items():
            codes = batch.codes[name].astype(np.int64)
            people.frombytes(codes[codes != MISSING].tobytes())

    @property
    def images(self) -> int:
        """All images."""
        return self.splits.total()

    def people(self, attribute: str) -> tuple[int, int]:
        """Of an open attribute: labelled images, and the people that they show."""
        codes = (
            np.frombuffer(self._people[attribute], dtype=np.int64)
            if self._people[attribute]
            else np.array([])
        )
        return len(codes), len(np.unique(codes[codes != CANNOT_TELL]))

    def groups(self) -> dict[str, int]:
        """Distinct groups per split."""
        return {split: len(_distinct(found)) for split, found in self._groups.items()}

    def all_groups(self) -> int:
        """Distinct groups; fewer than the sum over splits if one stands in two of them."""
        return len(np.unique(np.concatenate([_distinct(found) for found in self._groups.values()] or [[]])))

    def leaks(self) -> int:
        """Groups that stand in more than one split; none, if the splits are what they say."""
        return sum(self.groups().values()) - self.all_groups()

    def labels_of(self, attribute: str) -> dict[int | None, dict[str, int]]:
        """Labels of a categorical attribute per code ("can't tell" is null) and split."""
        found: dict[int | None, dict[str, int]] = defaultdict(dict)
        for (code, split), number in self._cells[attribute].items():
            if code != MISSING:
                found[None if code == CANNOT_TELL else code][split] = number
        return found

    def manifest(self) -> dict[str, Any]:
        """The `counts` of the manifest."""
        attributes: dict[str, dict[str, int]] = {}
        for name in self._categorical:
            attributes[name] = {
                str(CANNOT_TELL if code is None else code): sum(splits.values())
                for code, splits in self.labels_of(name).items()
            }
        return {
            "attributes": attributes,
            "groups": self.all_groups(),
            "images": self.images,
            "labelled": self.done.total(),
            "splits": dict(self.splits),
        }


def _distinct(groups: array[int]) -> Any:
    return np.unique(np.frombuffer(groups, dtype=np.int64)) if groups else []
