"""Boxes in images: the head around a face, and where a box is when the image is turned."""

from __future__ import annotations

from typing import Literal, NamedTuple

Turn = Literal[0, 90, 180, 270]
"""Degrees clockwise."""

HEAD_MARGIN = 1.0
"""How generous a head crop is: 1 is the default, 0 the face alone."""


class Box(NamedTuple):
    """A box in pixels; right and bottom are the first column and row outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.bottom - self.top

    def shares(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The box in shares of an image's sides, clipped to it."""
        left, right = (min(1.0, max(0.0, round(x / width, 4))) for x in (self.left, self.right))
        top, bottom = (min(1.0, max(0.0, round(y / height, 4))) for y in (self.top, self.bottom))
        return left, top, right, bottom

    def __str__(self) -> str:
        """As in the column crop_box: "left top right bottom"."""
        return f"{self.left} {self.top} {self.right} {self.bottom}"


def head_box(face: Box, points: list[list[int]], width: int, height: int, margin: float = HEAD_MARGIN) -> Box:
    """The whole head, with its hair, around a face that HOG found; clipped to the image.

    A HOG box reaches from the brows to the chin, and its size hardly depends on who it is, so lengths are in heights of
    it. Hair stands up to 1.2 of them above the eyes, hangs beside the face, and may fall below the chin.

    Args:
        face: the box found, in pixels of the image.
        points: the landmarks [[x, y], …]; the first four are the corners of the eyes.
        width: of the image.
        height: of the image.
        margin: 1 for all of this, less for a tighter crop, more for a wider one.
    """
    eyes = points[:4]
    middle = sum(x for x, _ in eyes) / len(eyes)
    level = sum(y for _, y in eyes) / len(eyes)
    middle = (
        middle + (face.left + face.right) / 2
    ) / 2  # a head that looks aside is wider behind than its face
    size = face.height
    above, beside, below = 0.3 + 0.9 * margin, 0.5 + 0.5 * margin, 0.75 + 0.25 * margin
    return Box(
        max(0, round(middle - beside * size)),
        max(0, round(level - above * size)),
        min(width, round(middle + beside * size)),
        min(height, round(level + below * size)),
    )


def turned_back(box: Box, turn: int, width: int, height: int) -> Box:
    """Where a box of the turned image is in the image as it was.

    Args:
        box: in pixels of the image turned clockwise by `turn`.
        turn: 0, 90, 180 or 270 degrees.
        width: of the image as it was.
        height: of the image as it was.
    """
    left, top, right, bottom = box
    if turn == 90:
        return Box(top, height - right, bottom, height - left)
    if turn == 180:
        return Box(width - right, height - bottom, width - left, height - top)
    if turn == 270:
        return Box(width - bottom, left, width - top, right)
    return box
