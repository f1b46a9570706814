"""Removing the features of erased images from the cache.

The key of a record is a hash of an image and its landmarks, and the landmarks of an earlier time are not known any more.
Therefore the records of the images that remain are kept, and all others are removed; a removed record that was still
needed is computed again. The directions of the embeddings stay until the next round: they are those of a sample of all images.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from trainer.probe.feature_store import FeatureStore
from trainer.probe.keys import record_keys, view_of
from trainer.runtime.errors import ModelError
from trainer.runtime.files import replacing

EMBEDDINGS = "points.safetensors"
"""The embeddings of all records, see trainer/probe/embeddings.FILE; that module needs torch."""


def keep_features(cache: Path, sha256: Sequence[str], landmarks: NDArray[np.float32]) -> int:
    """Remove all features from the cache but those of these images; return the number of removed records.

    Nothing else may use the cache meanwhile. A killed call is completed by the next one.

    Args:
        cache: The folder with a store per network and view.
        sha256: Hashes of the image files that remain, in hexadecimal.
        landmarks: (images, 5, 2) their landmarks as in `Snapshot.landmarks`; NaN for an image without a face.
    """
    removed = 0
    for file in sorted(cache.glob("*/recipe.json")):
        try:
            view, store = view_of(json.loads(file.read_bytes())), FeatureStore.existing(file.parent)
        except (ModelError, ValueError):
            store = None  # of another version, which no round uses any more
        if store is None:
            shutil.rmtree(file.parent)
        else:
            removed += _keep_records(store, record_keys(view, sha256, landmarks))
    return removed


def _keep_records(store: FeatureStore, keys: list[str]) -> int:
    """Keep the records with these keys and their embeddings; return the number of the others."""
    file = store.folder / EMBEDDINGS
    embeddings = load_file(file) if file.is_file() else {}
    kept = store.keep(keys)
    if not file.exists() and len(embeddings.get("points", ())) == len(kept) and kept.any():
        # The next round computes them anew, because their number changed; until then images can be sorted by likeness.
        embeddings["points"] = embeddings["points"][kept]
        with replacing(file) as temporary:
            save_file(embeddings, temporary)
    return int(np.logical_not(kept).sum())
