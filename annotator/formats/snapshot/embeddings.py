"""Reading the embeddings that a round left in the cache of features: numbers by which images that look alike are close.

They are mapped into memory; neither PyTorch nor safetensors is needed.

`trainer/probe/embeddings.py` writes `points.safetensors` beside the features, one row per record. `trainer/probe/sources.py`
says how the key of a record follows from an image and its face.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.schema import canonical_json

VIEW = "head"
"""The view whose embeddings measure likeness."""
NEAR = 64
"""Number of leading coordinates that measure it (`trainer/probe/embeddings.py` uses as many)."""
_FILE = "points.safetensors"
_CHUNK = 16_384
_DIGEST = 32


@dataclass(frozen=True)
class Embeddings:
    """The embeddings of one view.

    Args:
        folder: where they and the features are.
        view: what the features see, as the recipe says it.
        changed: the time of the last change, in nanoseconds.
        points: (count, q) float16, mapped into memory.
    """

    folder: Path
    view: dict[str, Any]
    changed: int
    points: NDArray[np.float16]

    def keys(self, sha256: Sequence[str], landmarks: Sequence[bytes]) -> NDArray[np.uint8]:
        """The (images, 32) keys of the records of some images.

        Args:
            sha256: of the image files, in hexadecimal.
            landmarks: (5, 2) little-endian float32 each, in pixels of the upright image; empty without a face.
        """
        about = canonical_json(self.view).encode()
        digests = [
            hashlib.sha256(about + bytes.fromhex(image) + face).digest()
            for image, face in zip(sha256, landmarks, strict=True)
        ]
        return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, _DIGEST)

    def rows_of(self, keys: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The (images,) rows of some keys; -1 where there is none."""
        count = len(self.points)
        records = np.fromfile(self.folder / "images.sha256", np.uint8, count=count * _DIGEST)
        records = records.reshape(-1, _DIGEST)
        if not len(records) or not len(keys):
            return np.full(len(keys), -1)
        starts, wanted = _starts(records), _starts(keys)
        order = np.argsort(starts, kind="stable")
        places = np.minimum(np.searchsorted(starts[order], wanted), len(order) - 1)
        rows = order[places]
        return np.where((records[rows] == keys).all(axis=1), rows, -1)

    def distances(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The (count,) squared distance of every record from the nearest of some records."""
        chosen = self.points[rows, :NEAR].astype(np.float32)
        lengths = (chosen**2).sum(axis=1)
        result = np.empty(len(self.points), np.float32)
        for start in range(0, len(self.points), _CHUNK):
            part = self.points[start : start + _CHUNK, :NEAR].astype(np.float32)
            squares = np.einsum("ij,ij->i", part, part)
            result[start : start + _CHUNK] = squares + (lengths - 2 * part @ chosen.T).min(axis=1)
        return result


def _starts(keys: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The first eight bytes of each key as a number; the other bytes decide nothing among a few million hashes."""
    return np.ascontiguousarray(keys[:, :8]).view(np.uint64)[:, 0]


def find_embeddings(cache: Path) -> Embeddings | None:
    """Open the newest embeddings of heads below a project's cache; None if there are none that can be read."""
    found = [one for file in cache.glob(f"*/{_FILE}") if (one := _open(file)) is not None]
    return max(found, key=lambda one: one.changed, default=None)


def _open(file: Path) -> Embeddings | None:
    try:
        view = json.loads((file.parent / "recipe.json").read_bytes()).get("view") or {}
        if view.get("name") != VIEW:
            return None
        with file.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            entry = json.loads(stream.read(min(size, 1 << 20)))["points"]
            changed = file.stat().st_mtime_ns
        rows, columns = entry["shape"]
        if entry["dtype"] != "F16" or rows == 0:
            return None
        offset = 8 + size + entry["data_offsets"][0]
        points = np.memmap(file, np.float16, mode="r", offset=offset, shape=(rows, columns))
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ):  # a cache that is being written, or was damaged
        return None
    return Embeddings(file.parent, view, changed, points)
