"""The part of a snapshot that a round can answer at once: a first round need not wait until all features are computed."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from trainer.data.snapshot import Snapshot
from trainer.networks import Backbone
from trainer.probe.sources import VIEWS, open_source
from trainer.views import View


def ready_part(
    snapshot: Snapshot,
    backbone: Backbone,
    cache: Path,
    at_once: Collection[str],
    views: Sequence[View] = VIEWS,
) -> Snapshot:
    """Return the images whose features are in the cache, and those named in `at_once`.

    The snapshot itself is returned if these are all images, or if a model could not learn from them.

    The part keeps the manifest of the snapshot, and with it the content hash: the labels come from there.

    Args:
        snapshot: The snapshot.
        backbone: The network whose features are looked up.
        cache: Folder of cached features.
        at_once: Names of images whose features are computed now if they are missing. Other names are ignored.
        views: What the backbone sees of an image.
    """
    sources = [open_source(cache, backbone, view) for view in views]
    cached = np.all(
        [source.store.rows_of(source.keys(snapshot.sha256, snapshot.landmarks)) >= 0 for source in sources],
        axis=0,
    )
    wanted = set(at_once)
    chosen = cached | np.array([name in wanted for name in snapshot.image_names], dtype=bool)
    train = chosen & (snapshot.splits == "train")
    can_learn = any((labels[train] >= 0).any() for labels in snapshot.labels.values())
    if chosen.all() or not can_learn:
        return snapshot
    rows = np.flatnonzero(chosen)
    numbers = rows.tolist()
    return replace(
        snapshot,
        image_names=[snapshot.image_names[number] for number in numbers],
        sha256=[snapshot.sha256[number] for number in numbers],
        files=[snapshot.files[number] for number in numbers],
        splits=snapshot.splits[rows],
        groups=snapshot.groups[rows],
        labels={name: labels[rows] for name, labels in snapshot.labels.items()},
        landmarks=snapshot.landmarks[rows],
    )
