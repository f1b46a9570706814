"""The keys of features: which record of a store belongs to which image. Torch is not needed to compute them."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.runtime.errors import ModelError
from trainer.runtime.files import canonical_json
from trainer.views import WHOLE, View


def record_keys(view: View, sha256: Sequence[str], landmarks: NDArray[np.float32]) -> list[str]:
    """Return the key of each image's record, in hexadecimal: a corrected face gets a new record.

    Args:
        view: What the network sees of the images.
        sha256: Hashes of the image files, in hexadecimal.
        landmarks: (images, 5, 2); NaN for an image without a face.
    """
    if view.eye_distance is None:
        return list(sha256)
    about = canonical_json(view.as_json()).encode()
    has_face: NDArray[np.bool_] = np.logical_not(np.isnan(landmarks).any(axis=(1, 2)))
    faces = [
        points.tobytes() if has else b""
        for points, has in zip(landmarks.astype("<f4"), has_face, strict=True)
    ]
    return [
        hashlib.sha256(about + bytes.fromhex(image) + face).hexdigest()
        for image, face in zip(sha256, faces, strict=True)
    ]


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
