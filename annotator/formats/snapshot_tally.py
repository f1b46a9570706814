"""What is counted while a snapshot is written: for its manifest and its card, without holding its images."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from annotator.domain.schema import CANNOT_TELL, Schema

if TYPE_CHECKING:
    from annotator.formats.snapshot import SnapshotImage

SPLITS = ("train", "val", "test")


class Tally:
    """Counts images, groups and labels as they pass.

    Args:
        schema: the snapshot's schema.
    """

    def __init__(self, schema: Schema) -> None:
        self.attributes = schema.attributes
        self.images = 0
        self.labelled = 0
        self.splits: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.sources: Counter[str] = Counter()
        self.cells: dict[str, Counter[tuple[str, int | None]]] = {
            a.name: Counter() for a in schema.attributes
        }
        """Per attribute: how many labels of (split, code)."""
        # A number for each group, its 64-bit hash: a million names would take a hundred megabytes.
        self._groups: dict[str, array[int]] = {}

    def add(self, image: SnapshotImage) -> None:
        """Count one image."""
        split = image.split
        self.images += 1
        self.splits[split] += 1
        self.sources[image.source] += 1
        if image.done:
            self.labelled += 1
            self.done[split] += 1
        for name, code in image.labels.items():
            self.cells[name][split, code] += 1
        if split not in self._groups:
            self._groups[split] = array("q")
        self._groups[split].append(hash(image.group))

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
        """Labels per code ("can't tell" is null) and split."""
        found: dict[int | None, dict[str, int]] = {}
        for (split, code), number in self.cells[attribute].items():
            found.setdefault(code, {})[split] = number
        return found

    def manifest(self) -> dict[str, Any]:
        """The `counts` of the manifest."""
        attributes: dict[str, dict[str, int]] = {}
        for attribute in self.attributes:
            if attribute.kind == "categorical":
                attributes[attribute.name] = {
                    str(CANNOT_TELL if code is None else code): sum(splits.values())
                    for code, splits in self.labels_of(attribute.name).items()
                }
        return {
            "attributes": attributes,
            "groups": self.all_groups(),
            "images": self.images,
            "labelled": self.labelled,
            "splits": dict(self.splits),
        }


def _distinct(groups: array[int]) -> Any:
    return np.unique(np.frombuffer(groups, dtype=np.int64)) if groups else []
