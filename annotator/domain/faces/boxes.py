"""Boxes in images: the head around a face, and where a box is when the image is turned."""

from __future__ import annotations

from typing import Literal, NamedTuple

Turn = Literal[0, 90, 180, 270]
"""Degrees clockwise."""

HEAD_MARGIN = 1.0
"""Margin of a head crop: 1 holds the hair, 0 only the face."""


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
        """The box as fractions of an image's sides, clipped to the image."""
        left, right = (min(1.0, max(0.0, round(x / width, 4))) for x in (self.left, self.right))
        top, bottom = (min(1.0, max(0.0, round(y / height, 4))) for y in (self.top, self.bottom))
        return left, top, right, bottom

    def __str__(self) -> str:
        """In the form of the column crop_box: "left top right bottom"."""
        return f"{self.left} {self.top} {self.right} {self.bottom}"


class ScoredBox(NamedTuple):
    """A box in pixels, in fractions, and a detector's score: 1 or more is surely a face."""

    left: float
    top: float
    right: float
    bottom: float
    score: float

    @property
    def width(self) -> float:
        """Pixels across."""
        return self.right - self.left

    @property
    def middle(self) -> tuple[float, float]:
        """Column and row of the middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def scaled(self, factor: float) -> ScoredBox:
        """The box in an image whose sides are longer by this factor."""
        left, top, right, bottom = (v * factor for v in self[:4])
        return ScoredBox(left, top, right, bottom, self.score)

    def overlap(self, other: ScoredBox) -> float:
        """The area that both boxes cover, divided by the area that either covers."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(0.0, across) * max(0.0, down)
        areas = ((box.right - box.left) * (box.bottom - box.top) for box in (self, other))
        return shared / (sum(areas) - shared)


def head_box(face: Box, points: list[list[int]], width: int, height: int, margin: float = HEAD_MARGIN) -> Box:
    """The box of the whole head with its hair, around a face that HOG detected; clipped to the image.

    A HOG box reaches from the brows to the chin, and its size hardly differs between people. So its height is the unit here:
    hair reaches up to 1.2 heights above the eyes, hangs beside the face, and may fall below the chin.

    Args:
        face: the detected box, in pixels of the image.
        points: the landmarks [[x, y], …]; the first four are the corners of the eyes.
        width: of the image.
        height: of the image.
        margin: 1 holds all of this; less makes a tighter crop, more a wider one.
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
    """Map a box from the turned image to the image before turning.

    Args:
        box: in pixels of the image that was turned clockwise by `turn`.
        turn: 0, 90, 180 or 270 degrees.
        width: of the image before turning.
        height: of the image before turning.
    """
    left, top, right, bottom = box
    if turn == 90:
        return Box(top, height - right, bottom, height - left)
    if turn == 180:
        return Box(width - right, height - bottom, width - left, height - top)
    if turn == 270:
        return Box(width - bottom, left, width - top, right)
    return box
