"""The frames of views, and the similarity transform that puts a face into a frame.

Points are continuous: (0, 0) is the upper left corner of the upright image, and its first pixel reaches to (1, 1). A (2, 3)
matrix maps the points of a view to those of the image. Landmarks are numbers of pixels, counted from the centre of the first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

PROFILE = 1.2
"""Distance from the middle of the eyes to the base of the nose, in distances of the eyes, beyond which a face is nearly a
profile. It is 0.74 in frontal faces and 0.93 in three-quarter views (medians; 1.17 at the 95th percentile)."""


@dataclass(frozen=True)
class View:
    """A square cut of an image.

    Attributes:
        name: What it is called in the cache and in models.
        side: Its side in pixels.
        eye_distance: Distance of the centres of the eyes, as a proportion of the side. None for the whole image, squeezed
            to a square.
        eye_height: Distance of the eyes from the upper edge, as a proportion of the side.
    """

    name: str
    side: int
    eye_distance: float | None
    eye_height: float = 0.5

    def as_json(self) -> dict[str, object]:
        """Return what the pixels of the view depend on besides the image and its landmarks."""
        return {
            "eye_distance": self.eye_distance,
            "eye_height": self.eye_height,
            "name": self.name,
            "side": self.side,
        }


HEAD = View("head", 192, 0.22, 0.5)
"""The head with its hair."""
FACE = View("face", 320, 0.40, 0.36)
"""The face from the forehead to the chin, with the pixels that skin needs."""
WHOLE = View("whole", 192, None)
"""The whole image squeezed to a square, whatever its shape and wherever its face."""
BY_NAME = {view.name: view for view in (WHOLE, HEAD, FACE)}


def transform(view: View, landmarks: NDArray[np.float32] | None, size: tuple[int, int]) -> Matrix:
    """Return the (2, 3) matrix that maps the points of a view to those of an image.

    The middle of the eyes is placed as the view says, the line through them is level, and the scale is that of `eye_unit`.
    Without a usable face the whole image lies in the middle of the view, its longer side as long as the view's.

    Args:
        view: Its `eye_distance` is not None.
        landmarks: (5, 2) outer and inner corner of the eye on the left of the upright image, outer and inner corner of the
            eye on the right, base of the nose; NaN or None if there is no face.
        size: (width, height) of the upright image.
    """
    if landmarks is None or not (unit := eye_unit(landmarks)) > 0:  # NaN is not
        width, height = size
        scale = max(size) / view.side
        return np.array(
            [[scale, 0, (width - scale * view.side) / 2], [0, scale, (height - scale * view.side) / 2]]
        )
    assert view.eye_distance is not None
    left, right = _eyes(landmarks)
    scale = unit / (view.eye_distance * view.side)
    along = (right - left) / np.hypot(*(right - left)) * scale
    turned = np.array([[along[0], -along[1]], [along[1], along[0]]])
    middle_in_view = np.array([view.side / 2, view.eye_height * view.side])
    return np.column_stack([turned, (left + right) / 2 - turned @ middle_in_view])


def eye_unit(landmarks: NDArray[np.float32]) -> float:
    """Return the distance of the eyes in pixels, as it sets the scale; NaN or 0 without a face.

    A three-quarter view shows the eyes closer together and is enlarged a little, which did no harm to what was learned from
    it (docs/lab/experiments.md). In a profile the eyes nearly coincide; the way down to the nose then bounds the scale.
    """
    left, right = _eyes(landmarks)
    distance = float(np.hypot(*(right - left)))
    if not distance > 0:
        return distance
    along = (right - left) / distance
    nose = landmarks[4].astype(np.float64) + 0.5 - (left + right) / 2
    below = float(along[0] * nose[1] - along[1] * nose[0])
    return max(distance, below / PROFILE)


def _eyes(landmarks: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The centres of the eye on the left of the image and of the eye on the right."""
    points = landmarks.astype(np.float64) + 0.5
    return points[:2].mean(axis=0), points[2:4].mean(axis=0)
