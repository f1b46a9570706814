"""A map of images: their features in two dimensions, so that images that look alike are close.

The method is t-SNE (van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 2008) as openTSNE computes it (Poličar,
Stražar and Zupan, Journal of Statistical Software 2024): approximate neighbours, and interpolated forces (Linderman et al.,
Nature Methods 2019). It starts from the first two principal coordinates, which keeps clusters that are alike near each other
(Kobak and Berens, Nature Communications 2019). Of a large project a sample is placed this way; every other image is placed at
the median of its neighbours in the sample.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from trainer.networks import build
from trainer.probe.embeddings import near_coordinates
from trainer.probe.features import Features
from trainer.probe.sources import BACKBONE, VIEWS, open_source
from trainer.runtime.errors import ChoiceError
from trainer.runtime.files import write_atomically
from trainer.runtime.progress import Progress, Report

MAGIC = b"FLMAP1\0\0"
"""The first bytes of a map (FORMATS.md); `annotator/formats/snapshot/image_map.py` reads it."""
SAMPLE = 20_000
"""The largest number of images that t-SNE places; the others follow their neighbours."""
PERPLEXITY, NEIGHBOURS = 30, 15
LEAST = 8
"""With fewer images the map shows their first two principal coordinates."""


def write_image_map(images: Path, cache: Path, to: Path, report: Report, seed: int = 0) -> int:
    """Place images on a map, and write it; return how many images are on it.

    Args:
        images: An Arrow file with the columns `id`, `sha256` (hexadecimal) and `landmarks` (ten little-endian float32; empty
            without a face).
        cache: Folder of cached features; images without features are left out.
        to: The file.
        report: Called with the progress.
        seed: Seed of all random draws.

    Raises:
        ChoiceError: No image has features.
    """
    with pa.memory_map(str(images)) as source:
        table = pa.ipc.open_file(source).read_all()
    report(Progress("map", 0, 3, "reading the features"))
    ids, near = _read_features(table, cache)
    report(Progress("map", 1, 3, f"placing {len(ids):,} images"))
    places = place(near, seed)
    report(Progress("map", 2, 3, "writing the map"))
    content = struct.pack("<8sII", MAGIC, len(ids), table.num_rows)
    write_atomically(to, content + ids.astype("<u4").tobytes() + places.astype("<f4").tobytes())
    report(Progress("map", 3, 3, f"{len(ids):,} images are on the map"))
    return len(ids)


def _read_features(table: pa.Table, cache: Path) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the ids of the images that have features, and their (images, NEAR) leading principal coordinates."""
    landmarks = np.full((table.num_rows, 5, 2), np.nan, np.float32)
    for row, points in enumerate(table["landmarks"].to_pylist()):
        if points:
            landmarks[row] = np.frombuffer(points, "<f4").reshape(5, 2)
    source = open_source(cache, build(BACKBONE, pretrained=True), VIEWS[0])
    rows = source.store.rows_of(source.keys(table["sha256"].to_pylist(), landmarks))
    known = rows >= 0
    if not known.any():
        raise ChoiceError(
            "No image has features yet.",
            "The map of before is unchanged.",
            "Start a round, which computes them, and try again.",
        )
    features = Features(source.store, torch.from_numpy(rows[known]), source.recipe)
    ids = table["id"].to_numpy()[known].astype(np.int64)
    return ids, near_coordinates(features)


def place(near: NDArray[np.float32], seed: int = 0) -> NDArray[np.float32]:
    """Return the (images, 2) places of images on the map, from 0 to 1; equal input gives equal places.

    Args:
        near: (images, q) coordinates, those of the largest variance first.
        seed: Seed of all random draws.
    """
    count = len(near)
    if count < LEAST:
        return _fitted(np.ascontiguousarray(near[:, :2]))
    import openTSNE  # noqa: PLC0415 - SciPy loads for a second, and only the map needs it

    order = np.random.default_rng(seed).permutation(count)
    sample, others = order[:SAMPLE], order[SAMPLE:]
    chosen = near[sample]
    start = chosen[:, :2].astype(np.float64)
    spread = start[:, 0].std()
    start *= 1e-4 / spread if spread > 0 else 0.0
    options = {"n_jobs": max(1, os.cpu_count() or 1), "random_state": seed}
    perplexity = min(PERPLEXITY, max(2, (len(chosen) - 1) // 3))
    embedding = openTSNE.TSNE(perplexity=perplexity, initialization=start, **options).fit(chosen)
    places = np.empty((count, 2))
    places[sample] = embedding
    if len(others):
        follow = embedding.prepare_partial(
            near[others], initialization="median", k=NEIGHBOURS, perplexity=NEIGHBOURS / 3
        )
        places[others] = np.asarray(follow) + _jitter(np.asarray(embedding), len(others), seed)
    return _fitted(places)


def _jitter(embedding: NDArray[np.float64], count: int, seed: int) -> NDArray[np.float64]:
    """Small random steps, so that images with the same neighbours are not drawn on one point."""
    step = np.ptp(embedding, axis=0).max() / 1500
    return np.random.default_rng(seed + 1).normal(scale=step, size=(count, 2))


def _fitted(places: NDArray[np.floating]) -> NDArray[np.float32]:
    """Move and scale places into the unit square; the proportions stay."""
    low, size = places.min(axis=0), np.ptp(places, axis=0)
    whole = size.max() or 1.0
    inside: NDArray[np.float32] = (0.5 + (places - low - size / 2) / whole * 0.98).astype(np.float32)
    return inside
