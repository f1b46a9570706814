"""The oracle: it alone knows the labels, sells them, and writes every sale into a ledger that cannot be edited unseen."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.runtime.files import canonical_json, sha256_text

GENESIS = "0" * 64


@dataclass
class Ledger:
    """Entries that each hold the hash of the one before: changing, dropping or reordering one breaks the chain."""

    entries: list[dict[str, Any]] = field(default_factory=list)

    def add(self, why: str, images: list[str]) -> None:
        """Write down a sale."""
        entry = {
            "images": images,
            "previous": self.entries[-1]["hash"] if self.entries else GENESIS,
            "why": why,
        }
        self.entries.append(entry | {"hash": sha256_text(canonical_json(entry))})

    @property
    def bought(self) -> int:
        """How many images were paid for, those bought twice twice."""
        return sum(len(entry["images"]) for entry in self.entries)


def check_ledger(entries: Iterable[dict[str, Any]]) -> bool:
    """Whether no entry was changed, dropped from the middle or moved."""
    previous = GENESIS
    for entry in entries:
        body = {key: entry[key] for key in ("images", "previous", "why")}
        if entry["previous"] != previous or entry["hash"] != sha256_text(canonical_json(body)):
            return False
        previous = entry["hash"]
    return True


class Oracle:
    """Sells the answers of images.

    Args:
        names: (n,) of the images.
        labels: Attribute → (n,) class indices; nobody else keeps them.
        ledger: Where sales are written.
    """

    def __init__(self, names: NDArray[np.str_], labels: dict[str, NDArray[np.int64]], ledger: Ledger) -> None:
        self._names, self._labels, self._ledger = names, labels, ledger

    def buy(self, rows: NDArray[np.int64], why: str) -> dict[str, NDArray[np.int64]]:
        """Attribute → class indices of the images; every image is paid for, also one bought before."""
        self._ledger.add(why, [str(name) for name in self._names[rows]])
        return {name: column[rows] for name, column in self._labels.items()}


def ledger_lines(ledger: Ledger) -> str:
    """The ledger as a file, one JSON object a line."""
    return "".join(f"{json.dumps(entry, sort_keys=True)}\n" for entry in ledger.entries)
