"""CelebA's landmarks and boxes, converted to the faces that our detector finds.

list_landmarks_align_celeba gives both eyes, the tip of the nose and the corners of the mouth in the aligned images of
178×218 pixels. list_landmarks_celeba gives the same in the original images ("in the wild"), and list_bbox_celeba a box.
Head crops and descriptors need the detector's box, which reaches from the brows to the chin, and the corners of the eyes.
The ratios below convert one into the other. They are medians over 65 images of CelebA in which the detector found a face.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from PIL import Image

from annotator.domain.faces.boxes import Box
from annotator.formats.importers.base import SourceFace
from annotator.formats.importers.celeba_names import listed_name

Row = tuple[str, list[int]]
"""An image's name and its numbers: x and y of five landmarks, or x, y, width, height."""

_ALIGNED = (178, 218)
_SAMPLE = 64
_MISFITS = 0.1

# In distances of the two eyes:
_BOX_SIDE = 2.3
_EYE_WIDTH = 0.4
_EYES_TO_MOUTH = 1.07  # of a frontal face; a profile's is larger, because its eyes are closer together
_EYES_IN_BOX = 0.28  # from the top of the box down to the eyes, in sides of the box
_NOSE_TO_MOUTH = 0.3  # from the tip of the nose to its base, as a share of the way to the mouth
# CelebA's boxes reach from the hair to the neck. In their heights:
_WILD_EYES = 0.36
_WILD_EYE_DISTANCE = 0.256
_WILD_NOSE = 0.53
_WILD_MOUTH = 0.64


def find_source_faces(
    images: list[Path], aligned: Callable[[], Iterable[Row]], wild: Callable[[], Iterable[Row]]
) -> tuple[dict[str, SourceFace], str]:
    """Return the faces of one folder's images by image name, and "" or why the lists do not fit the images.

    Args:
        images: the image files; up to about 64 of them are opened to see which list is theirs.
        aligned: reads the landmarks in aligned images.
        wild: reads the boxes and the landmarks in original images; the landmarks come last and count.
    """
    step = max(1, len(images) // _SAMPLE)
    sizes = {image.name: size for image in images[::step] if (size := _size(image))}
    are_aligned = bool(sizes) and all(size == _ALIGNED for size in sizes.values())
    names = {listed_name(image.name): image.name for image in reversed(images)}  # a JPEG wins over its PNG
    rows = aligned() if are_aligned else wild()
    of_size = _ALIGNED if are_aligned else None
    faces = {names[name]: _face(numbers, of_size) for name, numbers in rows if name in names}
    checked = {name: size for name, size in sizes.items() if name in faces}
    misfits = sum(not faces[name].fits(*size) for name, size in checked.items())
    if misfits > _MISFITS * len(checked):
        return {}, (
            f"its faces lie outside {misfits} of {len(checked)} images that were checked, so it belongs to other images"
        )
    return faces, ""


def _size(path: Path) -> tuple[int, int] | None:
    try:
        with Image.open(path) as opened:
            return opened.size
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def _face(numbers: list[int], of_size: tuple[int, int] | None) -> SourceFace:
    if len(numbers) == 4:
        return _face_of_box(*numbers)
    left, right, nose, *mouth = list(zip(numbers[::2], numbers[1::2], strict=True))
    lips = _between(mouth[0], mouth[1], 0.5)
    return _face_of(left, right, _between(nose, lips, _NOSE_TO_MOUTH), lips, of_size)


def _face_of_box(x: int, y: int, width: int, height: int) -> SourceFace:
    middle, half = x + width / 2, _WILD_EYE_DISTANCE * height / 2
    level, nose, lips = (y + share * height for share in (_WILD_EYES, _WILD_NOSE, _WILD_MOUTH))
    return _face_of((middle - half, level), (middle + half, level), (middle, nose), (middle, lips), None)


Point = tuple[float, float]


def _face_of(
    left: Point, right: Point, nose: Point, lips: Point, of_size: tuple[int, int] | None
) -> SourceFace:
    """The face with these centres of the eyes, base of the nose and middle of the mouth."""
    eyes = _between(left, right, 0.5)
    apart = _distance(left, right)
    side = _BOX_SIDE * max(apart, _distance(eyes, lips) / _EYES_TO_MOUTH)
    x, y = eyes[0] - side / 2, eyes[1] - _EYES_IN_BOX * side
    half = _EYE_WIDTH / 2
    corners = [_between(left, right, share) for share in (-half, half)] + [
        _between(right, left, share) for share in (-half, half)
    ]
    points = tuple((round(across), round(down)) for across, down in [*corners, nose])
    return SourceFace(Box(round(x), round(y), round(x + side), round(y + side)), points, of_size)


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def _distance(start: Point, end: Point) -> float:
    return float(((start[0] - end[0]) ** 2 + (start[1] - end[1]) ** 2) ** 0.5)
