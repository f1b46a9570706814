"""Views are cut where the landmarks say, from the original's pixels, without aliasing."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from trainer.runtime.errors import ImageError
from trainer.views import FACE, HEAD, WHOLE, load_views, transform
from trainer.views.geometry import eye_unit

NO_FACE = np.full((5, 2), np.nan, np.float32)


def face_at(middle, distance, angle=0.0, nose=0.75):
    """Landmarks of a face whose eyes are `distance` pixels apart and turned by `angle` degrees."""
    eye = 0.2
    own = np.array([[-0.5 - eye, 0], [-0.5 + eye, 0], [0.5 + eye, 0], [0.5 - eye, 0], [0, nose]]) * distance
    turned = np.deg2rad(angle)
    rotation = np.array([[np.cos(turned), -np.sin(turned)], [np.sin(turned), np.cos(turned)]])
    return (own @ rotation.T + middle).astype(np.float32)


def draw_eyes(size, landmarks, spread):
    """A gray image with a soft red spot on one eye and a soft blue one on the other."""
    width, height = size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    pixels = np.full((height, width, 3), 60.0)
    for corners, channel in ((landmarks[:2], 0), (landmarks[2:4], 2)):
        centre = corners.mean(axis=0)
        pixels[..., channel] += 180 * np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * spread**2))
    return Image.fromarray(pixels.astype(np.uint8))


def spots(view):
    """The centres of both spots in continuous pixels."""
    centres = []
    for channel in (0, 2):
        weight = view[..., channel].astype(float) - 60
        weight[weight < 20] = 0
        y, x = np.mgrid[: len(view), : len(view)] + 0.5
        centres.append(((x * weight).sum() / weight.sum(), (y * weight).sum() / weight.sum()))
    return np.array(centres)


@pytest.mark.parametrize("view", [HEAD, FACE], ids=lambda view: view.name)
@pytest.mark.parametrize(
    ("middle", "distance", "angle"),
    [((300, 250), 90, 0), ((320, 260), 90, 31), ((310, 240), 130, -90), ((300, 250), 100, 180), ((300, 240), 24, 12)],
)  # fmt: skip
def test_the_eyes_are_where_the_frame_says(tmp_path, view, middle, distance, angle):
    landmarks = face_at(middle, distance, angle)
    draw_eyes((640, 500), landmarks, distance / 8).save(tmp_path / "a.png")
    cut = load_views(tmp_path / "a.png", landmarks, [view])[view.name]
    assert cut.shape == (view.side, view.side, 3)
    half, height = view.eye_distance * view.side / 2, view.eye_height * view.side
    expected = [(view.side / 2 - half, height), (view.side / 2 + half, height)]
    assert np.abs(spots(cut) - expected).max() < 0.5


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_eyes_of_a_large_photo_are_found_in_its_upright_image(tmp_path, orientation):
    """The photo is decoded smaller, and is stored on its side."""
    landmarks = face_at((1300.0, 900.0), 420, 7)
    upright = draw_eyes((2401, 1803), landmarks, 60)
    turns = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    stored = upright.transpose(turns[orientation]) if orientation in turns else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.jpg", quality=95, subsampling=0, exif=exif)
    for view in (HEAD, FACE):
        cut = load_views(tmp_path / "a.jpg", landmarks, [view])[view.name]
        half = view.eye_distance * view.side / 2
        expected = [(view.side / 2 + sign * half, view.eye_height * view.side) for sign in (-1, 1)]
        assert np.abs(spots(cut) - expected).max() < 0.5


def test_a_pattern_finer_than_the_view_becomes_gray(tmp_path):
    """The rings of a zone plate get finer outwards; too fine ones must vanish instead of appearing as coarse ones."""
    side, distance = 1200, 260
    y, x = np.mgrid[:side, :side] - side / 2
    rings = (127.5 + 127.5 * np.cos(0.9 * np.pi * (x * x + y * y) / side)).astype(np.uint8)
    Image.fromarray(np.dstack([rings] * 3)).save(tmp_path / "rings.png")
    landmarks = face_at((side / 2, side / 2), distance, 20)
    cut = load_views(tmp_path / "rings.png", landmarks, [HEAD])["head"][..., 0].astype(float)
    scale = distance / (HEAD.eye_distance * HEAD.side)
    y, x = np.mgrid[: HEAD.side, : HEAD.side] - HEAD.side / 2
    radius = np.hypot(x, y) * scale
    finest = side / (2 * 0.9 * scale)  # the radius beyond which a period is less than two pixels of the view
    inside = np.abs(np.hypot(x, y)) < HEAD.side / 2 - 4
    assert cut[radius < 0.4 * finest].std() > 50
    assert cut[(radius > 1.5 * finest) & (radius < 0.48 * side) & inside].std() < 4


def test_beyond_the_image_its_edges_are_repeated(tmp_path):
    image = Image.new("RGB", (100, 80), (200, 30, 30))
    image.paste((30, 30, 200), (0, 0, 50, 80))
    image.save(tmp_path / "a.png")
    cut = load_views(tmp_path / "a.png", face_at((50, 40), 40), [HEAD])["head"]
    assert cut[0, 0].tolist() == cut[-1, 0].tolist() == [30, 30, 200]
    assert cut[0, -1].tolist() == cut[-1, -1].tolist() == [200, 30, 30]


@pytest.mark.parametrize("landmarks", [None, NO_FACE, face_at((50, 20), 0)], ids=["none", "nan", "no size"])
def test_without_a_face_the_whole_image_lies_in_the_middle(tmp_path, landmarks):
    image = Image.new("RGB", (600, 300), (10, 200, 10))
    image.paste((200, 10, 10), (0, 0, 300, 300))
    image.save(tmp_path / "a.png")
    cut = load_views(tmp_path / "a.png", landmarks, [HEAD])["head"].astype(int)
    assert (np.abs(cut[:, :94] - [200, 10, 10]) < 8).all()
    assert (np.abs(cut[:, 98:] - [10, 200, 10]) < 8).all()
    matrix = transform(HEAD, landmarks, (600, 300))
    assert (matrix @ [0, HEAD.side / 4, 1]).tolist() == [0, 0]


@pytest.mark.parametrize(("nose", "enlarged"), [(0.75, 1), (0.93, 1), (2.4, 2)])
def test_the_scale_of_a_profile_is_bounded(nose, enlarged):
    """The eyes of a profile nearly coincide."""
    assert eye_unit(face_at((50, 50), 10, 40, nose)) == pytest.approx(10 * enlarged, rel=1e-5)


def test_all_views_come_from_one_file_in_any_format(tmp_path):
    landmarks = face_at((60, 50), 30)
    rgb = draw_eyes((120, 100), landmarks, 6)
    rgb.save(tmp_path / "rgb.png")
    with_alpha = rgb.copy()
    with_alpha.putalpha(255)
    with_alpha.save(tmp_path / "alpha.png")
    deep = Image.fromarray(np.asarray(rgb)[..., 0].astype(np.uint16) * 257)
    deep.save(tmp_path / "deep.png")
    views = [HEAD, replace(FACE, side=64), replace(WHOLE, side=50)]
    whole = load_views(tmp_path / "rgb.png", landmarks, views)
    assert {name: cut.shape for name, cut in whole.items()} == {
        "head": (192, 192, 3),
        "face": (64, 64, 3),
        "whole": (50, 50, 3),
    }
    for name, cut in load_views(tmp_path / "alpha.png", landmarks, views).items():
        assert np.array_equal(cut, whole[name])
    for name, cut in load_views(tmp_path / "deep.png", landmarks, views).items():
        assert np.abs(cut[..., 1].astype(int) - whole[name][..., 0]).max() <= 1


def test_a_face_outside_the_image_and_an_image_of_one_pixel_are_harmless(tmp_path):
    Image.new("RGB", (1, 1), (9, 8, 7)).save(tmp_path / "a.png")
    for landmarks in (None, face_at((500, 500), 30), face_at((-900, 0), 1e-3)):
        for cut in load_views(tmp_path / "a.png", landmarks, [HEAD, FACE]).values():
            assert (cut == [9, 8, 7]).all()


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ImageError, match=r"a\.png is not there"):
        load_views(tmp_path / "a.png", None, [HEAD])
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"a\.png is not an image"):
        load_views(tmp_path / "a.png", None, [HEAD])
