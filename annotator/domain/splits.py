"""Which split an image belongs to: a pure function of its group and the project's seed (FORMATS.md, images.csv)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "val", "test"]


@dataclass(frozen=True)
class SplitRule:
    """Seed and shares of a project's splits; what is neither test nor val is train."""

    seed: int = 0
    share_test: float = 0.10
    share_val: float = 0.15

    def split_of(self, group: str) -> Split:
        """The split of a group; adding other groups never changes it."""
        digest = hashlib.sha256(f"{self.seed}:{group}".encode()).hexdigest()
        position = int(digest[:16], 16) / 2**64
        if position < self.share_test:
            return "test"
        if position < self.share_test + self.share_val:
            return "val"
        return "train"


def own_group(sha256: str) -> str:
    """The group of an image that shares it with no other."""
    return f"image:{sha256[:16]}"


def shared_group(attribute: str, code: int) -> str:
    """The group of all images that have this value of a grouping attribute, such as the same person."""
    return f"{attribute}:{code}"
