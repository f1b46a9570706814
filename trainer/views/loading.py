"""Reading an image file and cutting its views: one decode, however many views."""

import math
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.pixels.decode import DecodedImage, OpenedImage, open_image
from trainer.pixels.errors import UndecodableImageError
from trainer.pixels.files import read_image_file
from trainer.pixels.kinds import MAX_PIXELS
from trainer.runtime.errors import ImageError
from trainer.views.cutting import cut, squeeze
from trainer.views.geometry import View, transform

LARGE = 24_000_000
"""Images with more pixels are decoded one at a time, because threads that decode photos of 100 megapixels at once would
fill the memory."""

_SETTING = "FACELABEL_MAX_PIXELS"
_one_at_a_time = threading.Lock()


def load_views(
    path: Path, landmarks: NDArray[np.float32] | None, views: Sequence[View]
) -> dict[str, NDArray[np.uint8]]:
    """Decode an image as the labellers see it, and cut views out of its pixels.

    A JPEG is decoded smaller only so far that every view still has its pixels.

    Args:
        path: A file in any format that is imported.
        landmarks: (5, 2) of the face, in pixels of the upright image; NaN or None if there is no face.
        views: At least one.

    Returns:
        View name → (side, side, 3) uint8 RGB.

    Raises:
        ImageError: The file is missing, cannot be decoded, or has more pixels than the setting FACELABEL_MAX_PIXELS permits.
    """
    with explained(path):
        opened = open_image(read_image_file(path), max_pixels())
        with _bounded(opened):
            image = opened.decode(_least_side(opened, landmarks, views))
            return {view.name: _cut(image, landmarks, view) for view in views}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what reading and decoding a file raise into an ImageError that names the file."""
    try:
        yield
    except FileNotFoundError as cause:
        raise ImageError(
            f"{path} is not there.",
            "Nothing was changed.",
            "Restore the file, or give the folder of the images with --images.",
        ) from cause
    except OSError as cause:
        raise ImageError(
            f"{path} cannot be read: {cause}.",
            "Nothing was changed.",
            "Make the file readable, or restore it.",
        ) from cause
    except UndecodableImageError as cause:
        raise ImageError(
            f"{path} {cause}.",
            "Nothing was changed.",
            f"Set {_SETTING} higher, or remove the image."
            if _SETTING in str(cause)
            else "Restore the file, or import the image again.",
        ) from cause


def max_pixels() -> int:
    """Return the setting FACELABEL_MAX_PIXELS."""
    setting = os.environ.get(_SETTING, "")
    return int(setting) if setting.isdecimal() else MAX_PIXELS


def _cut(image: DecodedImage, landmarks: NDArray[np.float32] | None, view: View) -> NDArray[np.uint8]:
    if view.eye_distance is None:
        return squeeze(image.pixels, view.side)
    matrix = transform(view, landmarks, (image.width, image.height)) / image.reduction
    matrix[:, 2] += image.inset
    return cut(image.pixels, matrix, view.side)


def _least_side(
    opened: OpenedImage, landmarks: NDArray[np.float32] | None, views: Sequence[View]
) -> int | None:
    """Return the shorter side that a JPEG must keep for the views; None for other formats, which are decoded in full."""
    if opened.kind != "JPEG":
        return None
    size = opened.upright_size()
    sides = [
        2 * view.side
        if view.eye_distance is None
        else math.ceil(min(size) / max(1.0, math.hypot(*transform(view, landmarks, size)[:, 0])))
        for view in views
    ]
    return max(sides)


@contextmanager
def _bounded(opened: OpenedImage) -> Iterator[None]:
    width, height = opened.size
    if width * height > LARGE:
        with _one_at_a_time:
            yield
    else:
        yield
