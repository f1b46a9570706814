"""Which part of an image is shown: a square around the head of a small face, upright and inside the image."""

from hypothesis import given
from hypothesis import strategies as st

from annotator.domain.faces.boxes import Box, head_box
from annotator.domain.faces.crops import Crop, is_small, square_around, thumbnail_crop, tile_crop
from tests.support.projects.face_photos import found_face


def test_a_small_face_is_shown_with_its_head_and_a_large_one_with_the_whole_image():
    small, large = Box(1000, 1000, 1400, 1400), Box(40, 70, 140, 170)
    head = head_box(small, found_face(small).points, 4000, 3000)
    tile = tile_crop(small, found_face(small).points, 0, 4000, 3000)
    assert tile.box.width == tile.box.height == round(1.2 * max(head.width, head.height))
    assert tile.box.left < head.left < head.right < tile.box.right
    thumbnail = thumbnail_crop(small, found_face(small).points, 0, 4000, 3000)
    assert thumbnail
    assert thumbnail.box.top <= head.top < head.bottom <= thumbnail.box.bottom
    assert tile_crop(large, found_face(large).points, 0, 178, 218) == Crop(Box(0, 0, 178, 218), 0)
    assert thumbnail_crop(large, found_face(large).points, 0, 178, 218) is None


def test_an_image_without_a_face_is_shown_whole_and_a_turned_face_upright():
    assert tile_crop(None, [], 0, 4000, 3000) == Crop(Box(0, 0, 4000, 3000), 0)
    assert thumbnail_crop(None, [], 0, 4000, 3000) is None
    large = Box(40, 70, 140, 170)
    lying = thumbnail_crop(large, found_face(large).points, 90, 218, 178)
    assert lying == Crop(Box(0, 0, 178, 218), 90)


@given(
    st.integers(16, 500), st.integers(16, 500), st.data(), st.sampled_from([1.0, 1.2]),
)  # fmt: skip
def test_a_square_lies_within_its_image_whatever_the_face(
    width: int, height: int, data: st.DataObject, margin: float
):
    left, top = data.draw(st.integers(-50, width - 1)), data.draw(st.integers(-50, height - 1))
    box = Box(left, top, left + data.draw(st.integers(1, 400)), top + data.draw(st.integers(1, 400)))
    square = square_around(box, margin, width, height)
    assert 0 <= square.left < square.right <= width
    assert 0 <= square.top < square.bottom <= height
    assert square.width in {square.height, width} or square.height == height


def test_a_face_is_small_below_half_of_both_sides_if_its_head_gains_by_a_closer_look():
    assert is_small(Box(0, 0, 49, 49), Box(0, 0, 79, 79), 100, 100)
    assert not is_small(Box(0, 0, 50, 49), Box(0, 0, 70, 70), 100, 100)
    assert not is_small(Box(0, 0, 49, 49), Box(0, 0, 90, 90), 100, 100)
