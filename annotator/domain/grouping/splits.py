"""The split of an image: a function of its group and the project's seed only (FORMATS.md, images.csv)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "val", "test"]


@dataclass(frozen=True)
class SplitRule:
    """Seed and shares of a project's splits; the rest is train."""

    seed: int = 0
    share_test: float = 0.10
    share_val: float = 0.15

    def split_of(self, group: str) -> Split:
        """Find the split of a group. Other groups never change it."""
        position = _position(self.seed, group)
        if position < self.share_test:
            return "test"
        if position < self.share_test + self.share_val:
            return "val"
        return "train"


def share_for_audit(seed: int, images_of_group: Mapping[str, int]) -> float:
    """Find the smallest share of the test split with which the audit set is large enough to measure a model.

    It is 0.10, or the smallest larger number of hundredths that puts 200 images into the test split, at most 0.50.

    Args:
        seed: the seed of the splits.
        images_of_group: the number of images of each group.
    """
    if sum(images_of_group.values()) < SMALLEST_SPLIT:
        return SplitRule.share_test
    positions = {group: _position(seed, group) for group in images_of_group}
    for hundredths in range(10, 50):
        chosen = (group for group, position in positions.items() if position < hundredths / 100)
        if sum(images_of_group[group] for group in chosen) >= AUDIT_IMAGES:
            return hundredths / 100
    return 0.5


AUDIT_IMAGES = 200
SMALLEST_SPLIT = 400
"""A project with fewer images keeps a tenth as its test split."""


def positions(seed: int, groups: Iterable[bytes]) -> NDArray[np.float64]:
    """Compute (groups,) the position of each group between 0 and 1, as `SplitRule.split_of` does. Names are in UTF-8."""
    sha256, prefix = hashlib.sha256, f"{seed}:".encode()
    digests = b"".join(sha256(prefix + group).digest()[:8] for group in groups)
    return np.frombuffer(digests, ">u8") / 2**64


def _position(seed: int, group: str) -> float:
    digest = hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()
    return int(digest[:16], 16) / 2**64


def own_group(sha256: str) -> str:
    """The group of an image that is alone in its group."""
    return f"image:{sha256[:16]}"


def photo_group(sha256: str) -> str:
    """The group of the images that were cut from one photo."""
    return f"photo:{sha256[:16]}"


def shared_group(attribute: str, code: int) -> str:
    """The group of all images with this value of a grouping attribute, for example with the same person."""
    return f"{attribute}:{code}"
