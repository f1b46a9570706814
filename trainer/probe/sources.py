"""The sources of features: a backbone and a view of the images, with the store of what was computed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.networks import Backbone
from trainer.probe.feature_store import FeatureStore
from trainer.probe.keys import record_keys
from trainer.runtime.files import canonical_json, sha256_text
from trainer.views import FACE, HEAD, View

BACKBONE = "faces"
"""The network that provides the features of a probe."""
VIEWS = (HEAD, FACE)
"""What it sees of an image. The first view also measures the similarity of images."""
VERSION = 3
"""To be raised when a change of trainer/probe/features or trainer/views changes the features of a view. Models of other
versions are then refused."""
_WHOLE_VERSION = 2
"""The same for features of whole images, which fine-tuned networks use, and models of the time before views."""


@dataclass(frozen=True)
class Source:
    """A backbone's features of one view.

    Attributes:
        view: What the backbone sees.
        store: The records.
        recipe: What they depend on besides the image and its landmarks.
    """

    view: View
    store: FeatureStore
    recipe: dict[str, object]

    def keys(self, sha256: Sequence[str], landmarks: NDArray[np.float32]) -> list[str]:
        """Return the key of each image's record, in hexadecimal: a corrected face gets a new record.

        Args:
            sha256: Hashes of the image files, in hexadecimal.
            landmarks: (images, 5, 2); NaN for an image without a face.
        """
        return record_keys(self.view, sha256, landmarks)


def open_source(cache: Path, backbone: Backbone, view: View) -> Source:
    """Open the store of a backbone's features of a view in the folder `cache`."""
    recipe: dict[str, object] = {
        "backbone": backbone.name,
        "weights_sha256": backbone.weights_sha256,
        "side": view.side,
        "version": _WHOLE_VERSION,
    }
    if view.eye_distance is not None:
        recipe |= {"version": VERSION, "view": view.as_json()}
    key = f"{backbone.name}-{sha256_text(canonical_json(recipe))[:16]}"
    return Source(view, FeatureStore(cache / key, recipe, backbone.feature_size), recipe)


def views_beside(backbone: Backbone) -> tuple[View, ...]:
    """Return what a network sees whose features stand beside those of the frozen backbone: the same frames.

    Their sides are those of `VIEWS`, unless the network takes larger images, or images of one size only.
    """
    sides = [backbone.input_size if backbone.fixed_side else max(v.side, backbone.input_size) for v in VIEWS]
    return tuple(
        replace(view, name=f"{view.name}@{backbone.name}", side=side)
        for view, side in zip(VIEWS, sides, strict=True)
    )
