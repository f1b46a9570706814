"""CelebA's landmarks and boxes, as faces of the kind that our detector finds.

list_landmarks_align_celeba holds both eyes, the tip of the nose and the corners of the mouth in the aligned images of
178×218; list_landmarks_celeba and list_bbox_celeba the same and a box in the images as they were ("in the wild"). What
needs a face here (head crop, descriptor) expects a box of the detector's, which reaches from the brows to the chin, and
the corners of the eyes. The shares below lead from one to the other; they are medians over 65 of CelebA's own faces
in which the detector found a face.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from PIL import Image

from annotator.domain.faces.boxes import Box
from annotator.formats.importers.base import GivenFace
from annotator.formats.importers.celeba_names import listed_name

Row = tuple[str, list[int]]
"""An image's name and its numbers: ten of five landmarks, or x, y, width, height."""

_ALIGNED = (178, 218)
_SAMPLE = 64
_MISFITS = 0.1

# In distances of the two eyes:
_BOX_SIDE = 2.3
_EYE_WIDTH = 0.4
_EYES_TO_MOUTH = (
    1.07  # of a face that looks straight ahead; that of a profile is longer than its eyes are apart
)
_EYES_IN_BOX = 0.28  # how far below the top of the box the eyes are, in its sides
_NOSE_TO_MOUTH = 0.3  # how far below its tip the nose ends, on the way to the mouth
# CelebA's boxes reach from the hair to the neck. In their heights:
_WILD_EYES = 0.36
_WILD_EYE_DISTANCE = 0.256
_WILD_NOSE = 0.53
_WILD_MOUTH = 0.64


def find_given_faces(
    images: list[Path], aligned: Callable[[], Iterable[Row]], wild: Callable[[], Iterable[Row]]
) -> tuple[dict[str, GivenFace], str]:
    """The faces of the images of one folder by their names, or none and why.

    Args:
        images: the image files; a few of them are opened to see which list is theirs.
        aligned: reads the landmarks in aligned images.
        wild: reads the landmarks, or else the boxes, in images as they were.
    """
    step = max(1, len(images) // _SAMPLE)
    sizes = {image.name: size for image in images[::step] if (size := _size(image))}
    are_aligned = bool(sizes) and all(size == _ALIGNED for size in sizes.values())
    wanted = {listed_name(image.name): image.name for image in reversed(images)}  # a JPEG goes before its PNG
    rows = aligned() if are_aligned else wild()
    of_size = _ALIGNED if are_aligned else None
    faces = {wanted[name]: _face(numbers, of_size) for name, numbers in rows if name in wanted}
    known = {name: size for name, size in sizes.items() if name in faces}
    misfits = sum(not faces[name].fits(*size) for name, size in known.items())
    if misfits > _MISFITS * len(known):
        return {}, (
            f"its faces lie outside {misfits} of {len(known)} images that were looked at: it belongs to other images"
        )
    return faces, ""


def _size(path: Path) -> tuple[int, int] | None:
    try:
        with Image.open(path) as opened:
            return opened.size
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def _face(numbers: list[int], of_size: tuple[int, int] | None) -> GivenFace:
    if len(numbers) == 4:
        return _face_of_box(*numbers)
    left, right, nose, *mouth = list(zip(numbers[::2], numbers[1::2], strict=True))
    lips = _between(mouth[0], mouth[1], 0.5)
    return _face_of(left, right, _between(nose, lips, _NOSE_TO_MOUTH), lips, of_size)


def _face_of_box(x: int, y: int, width: int, height: int) -> GivenFace:
    middle, half = x + width / 2, _WILD_EYE_DISTANCE * height / 2
    level, nose, lips = (y + share * height for share in (_WILD_EYES, _WILD_NOSE, _WILD_MOUTH))
    return _face_of((middle - half, level), (middle + half, level), (middle, nose), (middle, lips), None)


Point = tuple[float, float]


def _face_of(
    left: Point, right: Point, nose: Point, lips: Point, of_size: tuple[int, int] | None
) -> GivenFace:
    """From the middles of the eyes, the base of the nose and the middle of the mouth."""
    eyes = _between(left, right, 0.5)
    apart = _distance(left, right)
    side = _BOX_SIDE * max(apart, _distance(eyes, lips) / _EYES_TO_MOUTH)
    x, y = eyes[0] - side / 2, eyes[1] - _EYES_IN_BOX * side
    half = _EYE_WIDTH / 2
    corners = [_between(left, right, share) for share in (-half, half)] + [
        _between(right, left, share) for share in (-half, half)
    ]
    points = tuple((round(across), round(down)) for across, down in [*corners, nose])
    return GivenFace(Box(round(x), round(y), round(x + side), round(y + side)), points, of_size)


def _between(one: Point, other: Point, share: float) -> Point:
    return one[0] + share * (other[0] - one[0]), one[1] + share * (other[1] - one[1])


def _distance(one: Point, other: Point) -> float:
    return float(((one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2) ** 0.5)
