"""The shared decoder: every mode and format, damaged files, and limits."""

import io
import re
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import ExifTags, Image

from tests.support.odd_images import P3, OddImage, colours, encode, icc_profile, odd_images
from trainer.pixels.decode import DecodedImage, decode_image, open_image
from trainer.pixels.errors import UndecodableImageError
from trainer.pixels.kinds import sniff_image

MOST = 10_000_000
LOSSLESS = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}}
UNDONE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera stores an upright picture so that the orientation makes it upright again."""


def difference(decoded: DecodedImage, pixels: np.ndarray) -> float:
    assert decoded.pixels.mode == "RGB"
    return float(np.abs(np.asarray(decoded.pixels).astype(int) - pixels).mean())


@pytest.mark.parametrize("odd", odd_images(), ids=lambda odd: odd.name)
def test_every_mode_and_format_is_decoded_to_the_pixels_that_a_person_should_see(odd: OddImage):
    decoded = decode_image(odd.content, MOST)
    assert difference(decoded, odd.pixels) <= odd.tolerance
    assert (decoded.height, decoded.width) == odd.pixels.shape[:2]
    assert not decoded.pixels.info


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("pages.tif", "first of its 3 pages"),
        ("moving.gif", "first picture of its animation"),
        ("moving.png", "first picture of its animation"),
        ("moving.webp", "first picture of its animation"),
        ("gray12.png", "12-bit"),
        ("integers.tif", "-20,000 to 60,000"),
        ("profile_does_not_fit.jpg", "another kind of image"),
        ("profile_is_damaged.png", "profile is damaged"),
    ],
)
def test_what_is_guessed_or_left_out_is_noted(name: str, note: str):
    [content] = [odd.content for odd in odd_images() if odd.name == name]
    [said] = decode_image(content, MOST).notes
    assert note in said


@pytest.mark.parametrize(
    "name", ["gray16.png", "gray16.pgm", "cutout.png", "cmyk.jpg", "p3.jpg", "plain.jpg", "palette.gif"]
)
def test_an_ordinary_file_has_no_notes(name: str):
    [content] = [odd.content for odd in odd_images() if odd.name == name]
    assert decode_image(content, MOST).notes == ()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once_to_pixels_and_size(kind: str, orientation: int):
    upright = colours()
    stored = upright.transpose(UNDONE[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    content = encode(stored, kind, exif=exif, **LOSSLESS.get(kind, {"quality": 98}))
    decoded = decode_image(content, MOST)
    assert (decoded.width, decoded.height) == upright.size
    assert open_image(content, MOST).upright_size() == upright.size
    assert difference(decoded, np.asarray(upright)) < 4


def test_a_large_jpeg_may_be_decoded_smaller_and_tells_its_full_size():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    content = encode(colours().resize((1600, 1200)), "JPEG", exif=exif)
    decoded = decode_image(content, MOST, 300)
    assert (decoded.width, decoded.height) == (1200, 1600)
    assert decoded.pixels.size == (300, 400)


def noise(seed: int = 0, size: tuple[int, int] = (96, 120)) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
    return Image.fromarray(small).resize(size)


def with_segment(jpeg: bytes, segment: bytes) -> bytes:
    return jpeg[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + jpeg[2:]


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0written by no camera",
        b"Exif\0\0",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x07\x01\x12\0\x03",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x04\0\0\0abc\0",
    ],
)
def test_nonsense_in_the_exif_data_does_not_spoil_a_photo(exif: bytes):
    plain = encode(noise(), "JPEG", quality=90)
    decoded = decode_image(with_segment(plain, exif), MOST)
    assert difference(decoded, np.asarray(Image.open(io.BytesIO(plain)))) == 0


def test_the_orientation_counts_beside_odd_tags():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 8
    tags = exif.tobytes()
    odd = (
        tags[:14]
        + b"\0\x02"
        + tags[16:28]
        + b"\xff\xee\0\x0c\0\0\0\x63\xff\xff\xff\xf0"
        + tags[28:]
        + bytes(12)
    )
    content = with_segment(encode(noise(), "JPEG"), b"Exif\0\0MM\0*" + odd[10:])
    decoded = decode_image(content, MOST)
    assert (decoded.width, decoded.height) == (120, 96)


def png_with(chunk: bytes, name: bytes, *, checksum: bytes | None = None) -> bytes:
    import zlib

    plain = encode(noise(), "PNG")
    correct = zlib.crc32(name + chunk).to_bytes(4, "big")
    return plain[:33] + len(chunk).to_bytes(4, "big") + name + chunk + (checksum or correct) + plain[33:]


def large_text(size: int = 3_000_000) -> bytes:
    import zlib

    return b"XML:com.adobe.xmp\0\x01\0\0\0" + zlib.compress(b"<layer/>" * (size // 8))


@pytest.mark.parametrize(
    "content",
    [
        png_with(large_text(), b"iTXt"),
        png_with(b"Comment\0hello", b"tEXt", checksum=b"oops"),
        png_with(b"Comment\0\0" + b"no deflate", b"zTXt"),
        png_with(b"MM\0*nonsense", b"eXIf"),
        png_with(b"profile\0\0" + b"no deflate", b"iCCP"),
        png_with(b"", b"tIME", checksum=b"oops"),
    ],
    ids=[
        "large text",
        "checksum of a text",
        "broken text",
        "broken EXIF",
        "broken profile",
        "checksum of the time",
    ],
)
def test_damaged_or_large_metadata_of_a_png_are_ignored(content: bytes):
    decoded = decode_image(content, MOST)
    assert difference(decoded, np.asarray(noise())) == 0


def test_large_metadata_are_noted():
    [note] = decode_image(png_with(large_text(), b"iTXt"), MOST).notes
    assert note == "its metadata is damaged or too large and was ignored"


def test_a_profile_that_is_too_large_for_pillow_still_counts():
    import zlib

    profile = icc_profile(P3, 2.2).ljust(2_000_000, b"\0")
    content = png_with(b"wide\0\0" + zlib.compress(profile), b"iCCP")
    plain = decode_image(encode(noise(), "PNG"), MOST)
    fitting = decode_image(encode(noise(), "PNG", icc_profile=icc_profile(P3, 2.2)), MOST)
    large = decode_image(content, MOST)
    assert difference(large, np.asarray(fitting.pixels)) < 1
    assert difference(large, np.asarray(plain.pixels)) > 1


CUT = {
    "baseline": encode(noise(), "JPEG", quality=90),
    "progressive": encode(noise(), "JPEG", quality=90, progressive=True),
    "gray": encode(Image.new("L", (96, 120), 128), "JPEG"),
    "png": encode(noise(), "PNG"),
    "bmp": encode(noise(), "BMP"),
    "ppm": encode(noise(), "PPM"),
    "webp": encode(noise(), "WEBP", quality=90),
    "lossless_webp": encode(noise(), "WEBP", lossless=True),
    "tiff": encode(noise(), "TIFF"),
    "jp2": encode(noise(), "JPEG2000"),
}


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("lacks", [1, 2])
def test_a_file_without_its_last_bytes_is_decoded_with_a_note(name: str, lacks: int):
    whole = decode_image(CUT[name], MOST)
    cut = decode_image(CUT[name][:-lacks], MOST)
    assert difference(cut, np.asarray(whole.pixels)) < 2
    assert cut.notes == ("it lacks its last bytes",)


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_file_that_lacks_a_part_of_its_picture_is_damaged(name: str, kept: float):
    content = CUT[name] if name != "gray" else encode(noise().convert("L"), "JPEG")
    with pytest.raises(UndecodableImageError, match="damaged"):
        decode_image(content[: int(len(content) * kept)], MOST)


def test_a_progressive_jpeg_that_lacks_a_whole_scan_is_damaged():
    content = CUT["progressive"]
    last_scan = content.rindex(b"\xff\xda")
    with pytest.raises(UndecodableImageError, match="damaged"):
        decode_image(content[:last_scan], MOST)


def test_a_photo_that_ends_within_its_last_rows_is_decoded_with_a_note():
    whole = encode(noise(size=(800, 1200)), "JPEG", quality=90)
    cut = decode_image(whole[: -len(whole) // 400], MOST)
    assert cut.notes == ("it lacks its last bytes",)


@pytest.mark.parametrize(
    ("bits", "sample", "told"),
    [
        (32, 3, "3 values of 32-bit floats per pixel"),
        (16, 3, "3 values of 16-bit floats per pixel"),
        (64, 3, "3 values of 64-bit floats per pixel"),
        (32, 1, "3 values of 32-bit numbers per pixel"),
    ],
)
def test_a_tiff_of_colours_that_are_not_read_is_told_with_what_to_do(bits: int, sample: int, told: str):
    content = encode(noise(), "TIFF", tiffinfo={339: (sample,) * 3})
    content = content.replace(struct.pack("<3H", 8, 8, 8), struct.pack("<3H", bits, bits, bits))
    with pytest.raises(
        UndecodableImageError, match=f"^is a TIFF with {told}, which is not read; save it with"
    ):
        decode_image(content, MOST)


def test_a_tiff_of_usual_samples_that_is_damaged_is_not_told_to_be_of_others():
    content = encode(noise(), "TIFF").replace(struct.pack("<HHI", 259, 3, 1), struct.pack("<HHI", 259, 3, 0))
    with pytest.raises(UndecodableImageError, match="damaged"):
        decode_image(content[:-40_000] if len(content) > 40_000 else content[:60], MOST)


@pytest.mark.parametrize(("side", "lacks"), [(24, 1), (24, 17), (24, 200), (200, 1), (200, 17), (200, 900)])
def test_an_avif_without_its_end_is_decoded_or_refused_for_what_it_lacks(side: int, lacks: int):
    content = encode(noise(size=(side, side)), "AVIF", quality=60)[:-lacks]
    try:
        outcome = " ".join(decode_image(content, MOST).notes)
    except UndecodableImageError as refusal:
        outcome = str(refusal)
    told = rf"is damaged \(its last {lacks} bytes are missing(, and it cannot be decoded without them)?\)"
    assert re.fullmatch(f"it lacks its last bytes|{told}", outcome)


def test_more_pixels_than_the_limit_are_refused_before_they_are_decoded():
    with pytest.raises(
        UndecodableImageError, match=r"200×100 pixels, more than 10,000 \(FACELABEL_MAX_PIXELS\)"
    ):
        open_image(encode(Image.new("RGB", (200, 100)), "PNG"), 10_000)


def test_the_limit_also_holds_for_a_file_whose_metadata_are_damaged():
    with pytest.raises(UndecodableImageError, match="more than 10,000"):
        decode_image(png_with(large_text(), b"iTXt"), 10_000)


def test_more_pixels_than_pillow_warns_of_are_decoded_if_the_limit_permits():
    content = encode(Image.new("1", (20_000, 10_000)), "PNG")
    assert decode_image(content, 200_000_000).width == 20_000


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"P5\n# by a scanner\n8 8\n255\n", "PPM"),
        (b"P1 answered 2 questions", None),
        (b"BMI,age\n22,31\n19,40\n", None),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", None),
        (b"", None),
    ],
)
def test_a_kind_is_told_by_the_first_bytes(head: bytes, kind: str | None):
    assert sniff_image(head) == kind


def test_a_raw_photo_in_tiffs_container_is_not_taken_for_its_preview():
    content = encode(noise(), "TIFF", tiffinfo={50706: b"\1\4\0\0"})
    with pytest.raises(UndecodableImageError, match="raw file"):
        decode_image(content, MOST)


@pytest.mark.parametrize("seed", range(20))
def test_random_damage_is_decoded_or_refused_with_a_reason(seed: int):
    random = np.random.default_rng(seed)
    for odd in odd_images():
        content = bytearray(odd.content)
        for place in random.integers(0, len(content), 8):
            content[place] = random.integers(0, 256)
        try:
            decoded = decode_image(bytes(content), 100_000)
        except UndecodableImageError:
            pass  # any other exception fails the test
        else:
            assert decoded.pixels.mode == "RGB"
            assert decoded.width * decoded.height <= 100_000


def test_decoding_loads_no_torch():
    code = "import sys, trainer.pixels.decode; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("orientation", "inset"), [(1, (0, 0)), (3, (0.5, 0.5)), (6, (0.5, 0))])
def test_a_large_image_is_reduced_to_no_less_than_the_wanted_side(
    orientation: int, inset: tuple[float, float]
):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    across = np.linspace(0, 255, 641).astype(np.uint8)
    picture = Image.fromarray(np.broadcast_to(across[None, :, None], (431, 641, 3)).copy())
    content = encode(picture, "PNG", exif=exif.tobytes())
    whole, small = (decode_image(content, MOST, side) for side in (None, 200))
    assert (small.width, small.height) == (whole.width, whole.height) == whole.pixels.size
    assert sorted(small.pixels.size) == [216, 321]
    assert (small.reduction, small.inset) == (2, inset)
    assert difference(small, np.asarray(whole.pixels.resize(small.pixels.size, Image.Resampling.BOX))) < 1
    assert decode_image(content, MOST, 216).pixels.size == whole.pixels.size
