"""Polygons that are drawn around images on a map."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotator.errors import WrongUse

GRID = 10_000
"""Steps along each side of the map in which the corners are counted."""
MOST_CORNERS = 200
MOST_LETTERS = 2_500
"""The longest text of a polygon."""
_TEXT = re.compile(r"(\d{1,6})_(\d{1,5}\.\d{1,5}(?:-\d{1,5}\.\d{1,5}){2,199})")


@dataclass(frozen=True)
class Lasso:
    """A polygon on a map.

    Args:
        map: the number of the map.
        corners: x and y of each corner, in steps of the `GRID`; the last one is joined to the first.
    """

    map: int
    corners: tuple[tuple[int, int], ...]

    def contains(self, places: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(images,) whether each place lies inside: a line from it crosses the edges an odd number of times.

        Args:
            places: (images, 2) x and y, from 0 to 1.
        """
        corners = np.asarray(self.corners, np.float64) / GRID
        low, high = corners.min(axis=0), corners.max(axis=0)
        near = np.flatnonzero(((places >= low) & (places <= high)).all(axis=1))
        x, y = places[near, 0].astype(np.float64), places[near, 1].astype(np.float64)
        odd = np.zeros(len(near), np.bool_)
        for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if y1 != y2:
                crosses = ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
                odd ^= crosses
        inside = np.zeros(len(places), np.bool_)
        inside[near[odd]] = True
        return inside


def parse_lasso(text: str) -> Lasso:
    """Read a polygon: the map's number, an underscore, and the corners x.y with hyphens between them.

    Raises:
        WrongUse: if the text is anything else.
    """
    match = _TEXT.fullmatch(text) if text.isascii() and len(text) <= MOST_LETTERS else None
    if match is None:
        raise WrongUse(
            "bad_polygon",
            "The polygon cannot be read.",
            do=f"Send MAP_x.y-x.y-x.y with 3 to {MOST_CORNERS} corners, each number from 0 to {GRID}.",
        )
    corners = (corner.split(".") for corner in match[2].split("-"))
    return Lasso(int(match[1]), tuple((int(x), int(y)) for x, y in corners))
