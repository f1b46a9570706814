"""Finding the faces of an image, whichever way up it is: boxes, five landmarks and descriptors.

HOG finds upright frontal faces in some ten milliseconds. Where its result is not plain, dlib's CNN searches too: it also
finds people who look aside or down, faces in shade, under hats and behind hands, and faces that lie on their side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotator.domain.faces.boxes import Box, ScoredBox, turned_back
from annotator.domain.states import Finder
from annotator.imaging.cnn_detector import detect_faces, load_network
from annotator.imaging.dlib_models import describe, face_weights, find_landmarks, hog_faces, steady_landmarks

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
"""A HOG score from which a face is surely upright: none of 160 upright faces reached it when turned by 180°."""

_LIKELY_SCORE = 0.25
"""A HOG score from which a face counts that the CNN does not see: in 201 crops without a face none was above 0.02."""

_TURNED_BONUS = 0.8
"""The HOG score by which a turned face must exceed the same face upright, because most images are upright."""

_NEAR = (200, 2.2)
"""A face is cut out for the question of its turn: pixels of the side, and their number of boxes."""

_NO_SCORE = -1.0
_SAME_FACE = 0.3
"""Boxes of both detectors that overlap more (intersection over union) show the same face."""

_CNN = "mmod_human_face_detector.dat"


@dataclass(frozen=True)
class FoundFace:
    """A face in pixels of the image turned clockwise by `turn`; the fields are those of the table `faces`.

    The scores of both detectors are about 1 or more if it is surely a face.
    """

    turn: int
    box: Box
    score: float
    points: list[list[int]]
    descriptor: bytes | None = None
    finder: str = Finder.HOG


def find_faces(image: Image.Image) -> list[FoundFace]:
    """Return the faces of an upright RGB image, largest first.

    If an image has upright faces with high HOG scores and no others, these are its faces. Otherwise the CNN decides, and
    the image counts as turned if its surest face gives a clearly higher HOG score when it is turned by 90°, 180° or 270°.
    The image is searched in at most two sizes, so that its own size does not matter. Coordinates are in pixels of the image.
    """
    for search in (_search, _search_likely):
        for side in _SIDES:
            scale = min(side / max(image.size), _LARGEST_SCALE)
            size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
            turn, boxes = search(image.resize(size, Image.Resampling.BILINEAR))
            if boxes:
                pixels = np.asarray(turn_image(image, turn))
                faces = [_describe(pixels, turn, box.scaled(1 / scale), finder) for box, finder in boxes]
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
    described = []
    for face in faces:
        small = scale_face(face, (width, height), image.size)
        pixels = np.asarray(turn_image(image, face.turn))
        described.append(replace(face, descriptor=describe(pixels, small.box, small.points)))
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


def _search(small: Image.Image) -> tuple[int, list[tuple[ScoredBox, Finder]]]:
    """The turn of an image of the searched size, and its faces in pixels of the turned image."""
    pixels = np.asarray(small)
    upright = hog_faces(pixels)
    plain = _plain(upright)
    if plain and len(plain) == len(upright):
        return 0, _merge(plain, [])
    faces = _search_with_cnn(pixels)
    if plain:
        return 0, _merge(plain, faces)
    if not faces:
        return _search_turned(small)
    turn = _turn_of(small, faces[0])
    if turn == 0:
        return 0, _merge([], faces)
    turned = turn_image(small, turn)
    places = [turned_back(_whole(face), 360 - turn, *turned.size) for face in faces]
    faces = [ScoredBox(*place, face.score) for place, face in zip(places, faces, strict=True)]
    return turn, _merge(_plain(hog_faces(np.asarray(turned))), faces)


def _search_turned(small: Image.Image) -> tuple[int, list[tuple[ScoredBox, Finder]]]:
    """The same for an image without an upright face: the turn with the highest HOG score, if the CNN sees a face too."""
    views = {turn: np.asarray(turn_image(small, turn)) for turn in _TURNS if turn}
    found = {turn: faces for turn, pixels in views.items() if (faces := hog_faces(pixels))}
    if not found:
        return 0, []
    turn = max(found, key=lambda turn: found[turn][0].score)
    return turn, _merge(_plain(found[turn]), _search_with_cnn(views[turn]))


def _search_likely(small: Image.Image) -> tuple[int, list[tuple[ScoredBox, Finder]]]:
    """The same for an image in which neither search found a face: what is probably one by HOG alone."""
    faces = hog_faces(np.asarray(small), _LIKELY_SCORE)
    return 0, _merge(faces, [])


def _search_with_cnn(pixels: NDArray[np.uint8]) -> list[ScoredBox]:
    return detect_faces(load_network(face_weights(_CNN)), pixels)


def _merge(hog: list[ScoredBox], cnn: list[ScoredBox]) -> list[tuple[ScoredBox, Finder]]:
    """The faces of both detectors: HOG's, and those that only the CNN sees."""
    others = [box for box in cnn if all(box.overlap(face) <= _SAME_FACE for face in hog)]
    return [(box, Finder.HOG) for box in hog] + [(box, Finder.CNN) for box in others]


def _plain(faces: list[ScoredBox]) -> list[ScoredBox]:
    return [face for face in faces if face.score >= _PLAIN_SCORE]


def _turn_of(image: Image.Image, face: ScoredBox) -> int:
    """The turn that makes a face upright, by the HOG scores of its surroundings in each turn."""
    side, boxes = _NEAR
    (x, y), half = face.middle, face.width * boxes / 2
    around = image.crop((round(x - half), round(y - half), round(x + half), round(y + half)))
    around = around.resize((side, side), Image.Resampling.BILINEAR)
    start, end = side / 2 - side / boxes / 2, side / 2 + side / boxes / 2
    middle = ScoredBox(start, start, end, end, face.score)
    scores = {turn: _score_near(np.asarray(turn_image(around, turn)), middle) for turn in _TURNS}
    scores[0] += _TURNED_BONUS
    return max(scores, key=lambda turn: scores[turn])


def _score_near(pixels: NDArray[np.uint8], place: ScoredBox) -> float:
    """The highest HOG score of a face at this place, -1 if there is none."""
    faces = hog_faces(pixels, _NO_SCORE)
    return max((face.score for face in faces if face.overlap(place) > _SAME_FACE), default=_NO_SCORE)


def _describe(pixels: NDArray[np.uint8], turn: int, box: ScoredBox, finder: Finder) -> FoundFace:
    whole = _whole(box)
    points = find_landmarks(pixels, whole) if finder is Finder.HOG else steady_landmarks(pixels, box)
    return FoundFace(turn, whole, box.score, points, describe(pixels, whole, points), finder)


def _whole(box: ScoredBox) -> Box:
    """The box in whole pixels."""
    left, top, right, bottom = (round(side) for side in box[:4])
    return Box(left, top, right, bottom)
