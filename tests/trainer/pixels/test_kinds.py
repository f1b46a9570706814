"""Known kinds of images that are not decoded are told from those that are, and from other files."""

from pathlib import PurePath

import pytest

from trainer.pixels.kinds import IMAGE_ENDINGS, sniff_image, unreadable_kind

TIFF = b"II*\0\x08\0\0\0\0\0\0\0"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0"


@pytest.mark.parametrize(
    ("name", "head", "words"),
    [
        ("a.NEF", TIFF, "raw file"),
        ("a.dng", TIFF, "raw file"),
        ("a.tif", b"II*\0\x10\0\0\0CR\x02\0", "raw file"),
        ("a", b"\0\0\0\x18ftypcrx \0\0\0\1", "raw file"),
        ("a.jpg", b"FUJIFILMCCD-RAW 0201", "raw file"),
        ("a.psd", b"8BPS\0\1", "Photoshop"),
        ("a.png", b"8BPS\0\1", "Photoshop"),
        ("a.jxl", b"\xff\x0a\0\0", "JPEG XL"),
        ("a.svg", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">', "SVG"),
        ("a.jpg", b"\xef\xbb\xbf<svg/>", "SVG"),
        ("a.pdf", b"%PDF-1.7", "PDF"),
        ("a.xcf", b"gimp xcf v011", "GIMP"),
        ("a.exr", b"\x76\x2f\x31\x01\2\0\0\0", "tone-map"),
        ("scan", bytes(128) + b"DICM", "DICOM"),
        ("a.tga", bytes(18), "rare format"),
    ],
)
def test_a_known_kind_is_named_with_the_way_to_convert_it(name: str, head: bytes, words: str) -> None:
    kind = unreadable_kind(PurePath(name), head)
    assert kind is not None
    assert words in kind


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.jpg", JPEG),
        ("a.cr2", JPEG),  # a JPEG under a raw file's name is a JPEG
        ("a.tif", TIFF),
        ("a.csv", b"image_name,glasses\n<svg>.png,1\n"),
        ("a.txt", b"hello"),
        ("empty", b""),
    ],
)
def test_other_files_are_none_of_them(name: str, head: bytes) -> None:
    assert unreadable_kind(PurePath(name), head) is None


def test_no_ending_is_both_read_and_not_read() -> None:
    assert not [ending for ending in IMAGE_ENDINGS if unreadable_kind(PurePath("a" + ending), b"")]
    assert sniff_image(JPEG) == "JPEG"
