"""Where the images of a pool lie along the main directions of their features: computed once, kept beside the features.

A round answers hundreds of thousands of images from these few numbers each, a tenth of the features. The directions are
those of a sample of the pool, drawn by the images' own hashes: no label and no earlier round has a part in them, so a
round comes out the same whenever it is run. After new images all points are computed anew, in a fraction of the time that
the new images' features take.
"""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.probe.features import Features
from trainer.probe.linear_heads import BASIS, DIRECTIONS, Basis, fit_basis
from trainer.runtime.errors import ModelError
from trainer.runtime.tensors import read_tensors, write_tensors

FILE = "points.safetensors"
NEAR = 64
"""How many of the coordinates say which images are alike."""
CHUNK = 4096
"""Images whose features are in memory at once while they are projected."""


@dataclass(frozen=True)
class PoolPoints:
    """The coordinates of a snapshot's images.

    Attributes:
        basis: Along whose directions they are.
        records: (count, q) float16, mapped into memory: a row for every record of the features.
        rows: (images,) number of each image's record.
    """

    basis: Basis
    records: Tensor
    rows: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, images: Tensor) -> Tensor:
        """Return the (len(images), q) float32 coordinates of some images of the snapshot."""
        return self.records[self.rows[images]].float()

    def near(self) -> NDArray[np.float32]:
        """Return the (images, NEAR) first coordinates of all images."""
        found: NDArray[np.float32] = self.records[:, :NEAR][self.rows].float().numpy()
        return found


@functools.lru_cache(maxsize=1)
def pool_points(features: Features) -> PoolPoints:
    """Find the points of a snapshot's images beside their features, or compute and keep them; the last ones stay in memory."""
    sample = _sample(features)
    key = _key(features, sample)
    file = features.store.folder / FILE
    known = _read(file)
    if known.get("key") is None or not torch.equal(known["key"], key):
        known = _compute(features, sample) | {"key": key}
        write_tensors(file, known)
    basis = Basis(known["mean"], known["scale"], known["directions"])
    return PoolPoints(basis, known["points"], features.rows)


def _sample(features: Features) -> NDArray[np.int64]:
    """The records of the images with the smallest hashes."""
    rows = np.unique(features.rows.numpy())
    digests = features.store.digests()[rows]
    first = np.ascontiguousarray(digests[:, :8]).view(">u8")[:, 0]
    return rows[np.argsort(first, kind="stable")[:BASIS]]


def _key(features: Features, sample: NDArray[np.int64]) -> Tensor:
    """What the points depend on, in 32 bytes: the sample, and how many records there are."""
    known = hashlib.sha256(f"{DIRECTIONS} {len(features.store)} ".encode())
    known.update(np.ascontiguousarray(features.store.digests()[sample]).tobytes())
    return torch.tensor(list(known.digest()), dtype=torch.uint8)


def _read(file: Path) -> dict[str, Tensor]:
    try:
        return read_tensors(file) if file.exists() else {}
    except ModelError:  # a cache that cannot be read is computed again
        return {}


def _compute(features: Features, sample: NDArray[np.int64]) -> dict[str, Tensor]:
    store = features.store
    basis = fit_basis(torch.from_numpy(store.records()[sample]).float())
    parts = [
        basis.project(torch.from_numpy(store.read(start, CHUNK)).float()).half()
        for start in range(0, len(store), CHUNK)
    ]
    return {
        "directions": basis.directions,
        "mean": basis.mean,
        "points": torch.cat(parts),
        "scale": basis.scale,
    }
