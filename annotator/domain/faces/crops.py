"""Which part of an image is shown in detail: a square around the head."""

from __future__ import annotations

from typing import NamedTuple

from annotator.domain.faces.boxes import Box, head_box

TILE_MARGIN = 1.2
"""Side of the label page's tile, in longer sides of the head's box: the frame around the head is filled."""

THUMBNAIL_MARGIN = 1.0
"""Side of a thumbnail, in longer sides of the head's box: the hair is in it."""

_LEAST_GAIN = 1.25
"""A head that would not be enlarged by this factor is not shown before the whole image: its surroundings help too."""


class Crop(NamedTuple):
    """A part of an image: `box` in pixels of the upright image turned clockwise by `turn` degrees."""

    box: Box
    turn: int


def turned_size(width: int, height: int, turn: int) -> tuple[int, int]:
    """The size of an upright image after it is turned by `turn` degrees."""
    return (width, height) if turn in {0, 180} else (height, width)


def is_small(face: Box, head: Box, width: int, height: int) -> bool:
    """Whether a face takes less than half of an image across and down, so that its head is worth a closer look.

    Args:
        face: the detected box, in pixels of the turned image.
        head: the box of the head around it.
        width: of the turned image.
        height: of the turned image.
    """
    gain = min(width / max(1, head.width), height / max(1, head.height))
    return 2 * face.width < width and 2 * face.height < height and gain >= _LEAST_GAIN


def square_around(box: Box, margin: float, width: int, height: int) -> Box:
    """A square around a box, moved into the image; where the image is narrower than the square, it is as wide as the image.

    Args:
        box: in pixels of the image.
        margin: the side of the square, in longer sides of the box.
        width: of the image.
        height: of the image.
    """
    side = max(1, round(margin * max(box.width, box.height)))
    left, right = _span((box.left + box.right) // 2, side, width)
    top, bottom = _span((box.top + box.bottom) // 2, side, height)
    return Box(left, top, right, bottom)


def _span(middle: int, length: int, limit: int) -> tuple[int, int]:
    length = min(length, limit)
    start = min(max(0, middle - length // 2), limit - length)
    return start, start + length


def tile_crop(face: Box | None, points: list[list[int]], turn: int, width: int, height: int) -> Crop:
    """The part of an image that the label page shows sharply: around the head of a small face, else the whole image.

    Args:
        face: the box of the face in pixels of the image turned by `turn`; None without a face.
        points: its landmarks.
        turn: degrees clockwise.
        width: of the upright image.
        height: of the upright image.
    """
    size = turned_size(width, height, turn)
    if face is None:
        return Crop(Box(0, 0, *size), turn)
    head = head_box(face, points, *size)
    if not is_small(face, head, *size):
        return Crop(Box(0, 0, *size), turn)
    return Crop(square_around(head, TILE_MARGIN, *size), turn)


def thumbnail_crop(
    face: Box | None, points: list[list[int]], turn: int, width: int, height: int
) -> Crop | None:
    """The part of an image that a grid shows: the head, upright; None if the image itself shows it well enough.

    The arguments are those of `tile_crop`.
    """
    if face is None:
        return None
    size = turned_size(width, height, turn)
    head = head_box(face, points, *size)
    if not is_small(face, head, *size):
        return Crop(Box(0, 0, *size), turn) if turn else None
    return Crop(square_around(head, THUMBNAIL_MARGIN, *size), turn)
