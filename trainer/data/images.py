"""Decoding image files into tensors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from trainer.pixels.decode import decode_image
from trainer.pixels.files import read_image_file
from trainer.views import View, load_views
from trainer.views.loading import explained, max_pixels


def load_image(path: Path, side: int, *, crop: float = 1.0) -> Tensor:
    """Decode an image as the labellers see it and resize it to a square, whatever its shape.

    Args:
        path: A file in any format that is imported.
        side: Side of the square in pixels.
        crop: Proportion of the image's sides that is kept, around the middle.

    Returns:
        (3, side, side) uint8 RGB.

    Raises:
        ImageError: The file is missing, cannot be decoded, or has more pixels than the setting FACELABEL_MAX_PIXELS permits.
    """
    with explained(path):
        decoded = decode_image(read_image_file(path), max_pixels(), int(2 * side / crop))
    width, height = decoded.pixels.size
    left, top = (1 - crop) / 2 * width, (1 - crop) / 2 * height
    box = (left, top, width - left, height - top)
    square = decoded.pixels.resize((side, side), Image.Resampling.BILINEAR, box=box)
    return torch.from_numpy(np.array(square)).permute(2, 0, 1).contiguous()


def load_view(path: Path, landmarks: NDArray[np.float32] | None, view: View, *, crop: float = 1.0) -> Tensor:
    """Decode an image and cut one view out of it.

    Args:
        path: A file in any format that is imported.
        landmarks: (5, 2) of the face, in pixels of the upright image; NaN or None if there is no face.
        view: What to cut.
        crop: Proportion of the sides of a whole image that is kept, around the middle.

    Returns:
        (3, side, side) uint8 RGB.

    Raises:
        ImageError: As `load_image`.
    """
    if view.eye_distance is None:
        return load_image(path, view.side, crop=crop)
    return load_views_side_by_side(path, landmarks, [view])


def load_views_side_by_side(
    path: Path, landmarks: NDArray[np.float32] | None, views: Sequence[View]
) -> Tensor:
    """Decode an image and put its views side by side into one picture, as `SideBySide` takes it.

    Args:
        path: A file in any format that is imported.
        landmarks: (5, 2) of the face, in pixels of the upright image; NaN or None if there is no face.
        views: At least one, from left to right.

    Returns:
        (3, largest side, sum of the sides) uint8 RGB; black below a view that is lower than the largest.

    Raises:
        ImageError: As `load_image`.
    """
    cuts = load_views(path, landmarks, views)
    picture = np.zeros((max(view.side for view in views), sum(view.side for view in views), 3), np.uint8)
    left = 0
    for view in views:
        picture[: view.side, left : left + view.side] = cuts[view.name]
        left += view.side
    return torch.from_numpy(picture).permute(2, 0, 1).contiguous()
