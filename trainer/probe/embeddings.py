"""Embeddings of a pool: the features projected on their principal directions, computed once and kept beside them.

A round answers hundreds of thousands of images from embeddings, which are a tenth of the size of the features. The
directions come from a sample of the pool that the hashes of the images select. Labels and earlier rounds have no part in
them, so a repeated round gives the same result. New images make all embeddings be computed again, which takes a fraction
of the time that the features of the new images take.
"""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.probe.features import Features
from trainer.probe.linear_heads import BASIS, DIRECTIONS, Basis, fit_basis
from trainer.runtime.errors import ModelError
from trainer.runtime.files import remove_unfinished
from trainer.runtime.tensors import read_tensors, write_tensors
from trainer.runtime.threads import threads

FILE = "points.safetensors"
"""The cache of the embeddings; file and tensor names are older than the word."""
NEAR = 64
"""Number of leading coordinates that measure the similarity of images."""
CHUNK = 4096
"""Images whose features are in memory at once while they are projected."""


@dataclass(frozen=True)
class ViewEmbeddings:
    """The embeddings of one view of a snapshot's images.

    Attributes:
        basis: The directions of the coordinates.
        records: (count, q) float16, mapped into memory: one row per record of the features.
        rows: (images,) record number of each image.
    """

    basis: Basis
    records: Tensor
    rows: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, images: Tensor) -> Tensor:
        """Return the (len(images), q) float32 embeddings of some images of the snapshot."""
        return self.records[self.rows[images]].float()

    def near(self) -> NDArray[np.float32]:
        """Return the (images, NEAR) leading coordinates of all images."""
        near: NDArray[np.float32] = self.records[:, :NEAR][self.rows].float().numpy()
        return near


@dataclass(frozen=True)
class PoolEmbeddings:
    """The embeddings of a snapshot's images: those of the views side by side.

    Attributes:
        views: View name → its embeddings; the first view measures the similarity of images.
    """

    views: Mapping[str, ViewEmbeddings]

    def __len__(self) -> int:
        return len(self._first)

    @property
    def _first(self) -> ViewEmbeddings:
        return next(iter(self.views.values()))

    @property
    def blocks(self) -> dict[str, slice]:
        """View name → its coordinates among those of all views."""
        return side_by_side({view: part.basis.directions.shape[1] for view, part in self.views.items()})

    def of(self, images: Tensor) -> Tensor:
        """Return the (len(images), q) float32 embeddings of some images of the snapshot."""
        return torch.cat([part.of(images) for part in self.views.values()], dim=1)

    def near(self) -> NDArray[np.float32]:
        """Return the (images, NEAR) leading coordinates of the first view, in which similar images are close."""
        return self._first.near()


def side_by_side(sizes: Mapping[str, int]) -> dict[str, slice]:
    """Return view name → the place of its numbers among those of all views, of which there are `sizes`, in this order."""
    ends = np.cumsum([0, *sizes.values()]).tolist()
    return {view: slice(*ends[place : place + 2]) for place, view in enumerate(sizes)}


def pool_embeddings(features: Mapping[str, Features]) -> PoolEmbeddings:
    """Load the embeddings of a snapshot's images by view, or compute and save them."""
    return PoolEmbeddings({view: view_embeddings(of_view) for view, of_view in features.items()})


@functools.lru_cache(maxsize=4)
def view_embeddings(features: Features) -> ViewEmbeddings:
    """Load the embeddings of a view, or compute and save them; the last results stay in memory."""
    sample = _sample(features)
    key = _key(features, sample)
    file = features.store.folder / FILE
    tensors = _read(file)
    if tensors.get("key") is None or not torch.equal(tensors["key"], key):
        tensors = _compute(features, sample) | {"key": key}
        with features.store.locked():
            remove_unfinished(file.parent, FILE)
            write_tensors(file, tensors)
    basis = Basis(tensors["mean"], tensors["scale"], tensors["directions"])
    return ViewEmbeddings(basis, tensors["points"], features.rows)


def near_coordinates(features: Features) -> NDArray[np.float32]:
    """Return the (images, NEAR) leading coordinates of images.

    Embeddings of all records that are there already are taken, whichever images gave their directions.
    """
    tensors = _read(features.store.folder / FILE)
    points = tensors.get("points")
    if points is None or len(points) != len(features.store):
        return view_embeddings(features).near()
    near: NDArray[np.float32] = points[:, :NEAR][features.rows].float().numpy()
    return near


def _sample(features: Features) -> NDArray[np.int64]:
    """Return the records of the images with the smallest hashes."""
    rows = np.unique(features.rows.numpy())
    digests = features.store.digests()[rows]
    first = np.ascontiguousarray(digests[:, :8]).view(">u8")[:, 0]
    return rows[np.argsort(first, kind="stable")[:BASIS]]


def _key(features: Features, sample: NDArray[np.int64]) -> Tensor:
    """Return a hash, 32 bytes, of what the embeddings depend on: the sample and the number of records."""
    digest = hashlib.sha256(f"{DIRECTIONS} {len(features.store)} ".encode())
    digest.update(np.ascontiguousarray(features.store.digests()[sample]).tobytes())
    return torch.tensor(list(digest.digest()), dtype=torch.uint8)


def _read(file: Path) -> dict[str, Tensor]:
    try:
        return read_tensors(file) if file.exists() else {}
    except ModelError:  # a damaged cache is computed again
        return {}


def _compute(features: Features, sample: NDArray[np.int64]) -> dict[str, Tensor]:
    store = features.store
    with threads(1):  # with several, the last bits of the directions differ from call to call
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
