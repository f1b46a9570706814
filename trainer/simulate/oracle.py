"""The oracle alone knows the labels. It sells them and records every sale in a ledger in which edits can be detected."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.runtime.files import canonical_json, sha256_text

GENESIS = "0" * 64


@dataclass
class Ledger:
    """Entries that each hold the hash of the previous one: a changed, dropped or moved entry breaks the chain."""

    entries: list[dict[str, Any]] = field(default_factory=list)

    def add(self, why: str, images: list[str]) -> None:
        """Record a sale."""
        entry = {
            "images": images,
            "previous": self.entries[-1]["hash"] if self.entries else GENESIS,
            "why": why,
        }
        self.entries.append(entry | {"hash": sha256_text(canonical_json(entry))})

    @property
    def bought(self) -> int:
        """Number of images paid for; an image bought twice counts twice."""
        return sum(len(entry["images"]) for entry in self.entries)


class Oracle:
    """Sells the labels of images.

    Args:
        names: (n,) image names.
        labels: Attribute → (n,) class indices; nothing else holds them.
        ledger: Records the sales.
    """

    def __init__(self, names: NDArray[np.str_], labels: dict[str, NDArray[np.int64]], ledger: Ledger) -> None:
        self._names, self._labels, self._ledger = names, labels, ledger

    def buy(self, rows: NDArray[np.int64], why: str) -> dict[str, NDArray[np.int64]]:
        """Return attribute → class indices of the images; every image is paid for, even if it was bought before."""
        self._ledger.add(why, [str(name) for name in self._names[rows]])
        return {name: column[rows] for name, column in self._labels.items()}
