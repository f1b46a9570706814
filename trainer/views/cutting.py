"""Cutting a view out of decoded pixels."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.views.geometry import Matrix

_MARGIN = 3
"""Pixels of the view that are kept around its frame, because interpolation reads them."""


def cut(pixels: Image.Image, matrix: Matrix, side: int) -> NDArray[np.uint8]:
    """Cut a square out of an image.

    An image with more pixels than the view is first reduced to the view's scale, by a filter that averages what falls
    together (Pillow's antialiased bicubic filter); the turn follows at one pixel of the image per pixel of the view. Beyond
    the image the pixels of its edges are repeated.

    Args:
        pixels: RGB.
        matrix: (2, 3), from the points of the view to those of the image.
        side: Side of the view in pixels.

    Returns:
        (side, side, 3) uint8.
    """
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    left, top, right, bottom = _around(matrix, side, _MARGIN * max(1.0, scale), pixels.size)
    width, height = right - left, bottom - top
    if scale > 1:
        size = max(1, round(width / scale)), max(1, round(height / scale))
        region = pixels.resize(size, Image.Resampling.BICUBIC, box=(left, top, right, bottom), reducing_gap=3)
    else:
        region = pixels.crop((left, top, right, bottom))
    factors = np.array([[region.width / width], [region.height / height]])
    in_region = (matrix - [[0, 0, left], [0, 0, top]]) * factors
    # OpenCV counts from the middle of the first pixel.
    in_region[:, 2] += in_region[:, :2] @ [0.5, 0.5] - 0.5
    view = cv2.warpAffine(
        np.asarray(region),
        in_region,
        (side, side),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(view, np.uint8)


def squeeze(pixels: Image.Image, side: int) -> NDArray[np.uint8]:
    """Resize a whole image to a square, whatever its shape; (side, side, 3) uint8."""
    return np.array(pixels.resize((side, side), Image.Resampling.BILINEAR))


def _around(matrix: Matrix, side: int, margin: float, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part of an image that a view shows, with a margin: left, top, right and bottom, at least one pixel."""
    corners = matrix @ np.array([[0, side, 0, side], [0, 0, side, side], [1, 1, 1, 1]])
    box = []
    for (low, high), length in zip(
        zip(corners.min(axis=1), corners.max(axis=1), strict=True), size, strict=True
    ):
        first = min(max(math.floor(low - margin), 0), length - 1)
        box.append((first, max(first + 1, min(math.ceil(high + margin), length))))
    (left, right), (top, bottom) = box
    return left, top, right, bottom
