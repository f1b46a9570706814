"""The sources of features: a backbone and a view of the images, with the store of what was computed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.networks import Backbone
from trainer.probe.feature_store import FeatureStore
from trainer.runtime.errors import ModelError
from trainer.runtime.files import canonical_json, sha256_text
from trainer.views import FACE, HEAD, WHOLE, View

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
        if self.view.eye_distance is None:
            return list(sha256)
        about = canonical_json(self.view.as_json()).encode()
        has_face: NDArray[np.bool_] = np.logical_not(np.isnan(landmarks).any(axis=(1, 2)))
        faces = [
            points.tobytes() if has else b""
            for points, has in zip(landmarks.astype("<f4"), has_face, strict=True)
        ]
        return [
            hashlib.sha256(about + bytes.fromhex(image) + face).hexdigest()
            for image, face in zip(sha256, faces, strict=True)
        ]


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


def view_of(recipe: dict[str, Any]) -> View:
    """Return the view that a recipe of features names; those of the time before views are of whole images.

    Raises:
        ModelError: It is not a recipe of this version.
    """
    try:
        return View(**recipe["view"]) if "view" in recipe else replace(WHOLE, side=recipe["side"])
    except (KeyError, TypeError) as cause:
        raise ModelError(
            f"The model was trained on features of another version: {cause}.",
            "Nothing was changed.",
            "Run a new round.",
        ) from cause
