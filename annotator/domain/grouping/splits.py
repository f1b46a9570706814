"""Which split an image belongs to: a pure function of its group and the project's seed (FORMATS.md, images.csv)."""

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
    """Seed and shares of a project's splits; what is neither test nor val is train."""

    seed: int = 0
    share_test: float = 0.10
    share_val: float = 0.15

    def split_of(self, group: str) -> Split:
        """The split of a group; adding other groups never changes it."""
        position = _position(self.seed, group)
        if position < self.share_test:
            return "test"
        if position < self.share_test + self.share_val:
            return "val"
        return "train"


def share_for_audit(seed: int, images_of_group: Mapping[str, int]) -> float:
    """The smallest share of the test split that makes the audit set large enough to measure anything.

    It is 0.10, or as many hundredths more as put 200 images into the test split; never more than one half.

    Args:
        seed: the seed of the splits.
        images_of_group: how many images each group has.
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
"""With fewer images than this the test split keeps its tenth."""


def positions(seed: int, groups: Iterable[bytes]) -> NDArray[np.float64]:
    """(groups,) where each group lies between 0 and 1, by its name in UTF-8: the same as `SplitRule.split_of` goes by."""
    sha256, prefix = hashlib.sha256, f"{seed}:".encode()
    digests = b"".join(sha256(prefix + group).digest()[:8] for group in groups)
    return np.frombuffer(digests, ">u8") / 2**64


def _position(seed: int, group: str) -> float:
    digest = hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()
    return int(digest[:16], 16) / 2**64


def own_group(sha256: str) -> str:
    """The group of an image that shares it with no other."""
    return f"image:{sha256[:16]}"


def photo_group(sha256: str) -> str:
    """The group of the images that were cut from one photo."""
    return f"photo:{sha256[:16]}"


def shared_group(attribute: str, code: int) -> str:
    """The group of all images that have this value of a grouping attribute, such as the same person."""
    return f"{attribute}:{code}"
