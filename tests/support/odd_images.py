"""Image files of every pixel mode and format, each with the pixels that a person should see."""

import io
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 64, 48
P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
"""The primaries of Display P3 in XYZ, adapted to D50."""


@dataclass(frozen=True)
class OddImage:
    """A file, its (height, width, 3) uint8 pixels in sRGB, and how much a decoder may differ from them on average."""

    name: str
    content: bytes
    pixels: NDArray[np.uint8]
    tolerance: float = 1.5


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    """The image as a file of a format."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def ramp() -> NDArray[np.float64]:
    """A gray picture, black on the left and white on the right, that is brighter at the top."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.clip(across / (WIDTH - 1) * (1 - 0.4 * down / (HEIGHT - 1)), 0, 1)


def colours() -> Image.Image:
    """A smooth colour picture."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    channels = 40 + across * 3, 60 + down * 3, 200 - across - down
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))


def disc() -> NDArray[np.bool_]:
    """Where the pictures with a transparent surrounding are opaque."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    return (across - WIDTH / 2) ** 2 + (down - HEIGHT / 2) ** 2 < 18**2


def odd_images() -> list[OddImage]:
    """One file of each kind."""
    return [*_deep(), *_transparent(), *_other_colours(), *_formats()]


def icc_profile(
    primaries: tuple[tuple[float, float, float], ...], gamma: float, space: bytes = b"RGB "
) -> bytes:
    """A display profile with these primaries in XYZ; a gray one has none."""

    def number(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(value: tuple[float, float, float]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(map(number, value))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    name = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(80)
    white = (0.9642, 1.0, 0.8249)
    tags = [(b"desc", name), (b"cprt", b"text\0\0\0\0none\0\0\0\0"), (b"wtpt", xyz(white))]
    if primaries:
        tags += [
            (letter + b"XYZ", xyz(value)) for letter, value in zip((b"r", b"g", b"b"), primaries, strict=True)
        ]
        tags += [(letter + b"TRC", curve) for letter in (b"r", b"g", b"b")]
    else:
        tags.append((b"kTRC", curve))
    start, table, data = 128 + 4 + 12 * len(tags), b"", b""
    for key, body in tags:
        padded = body + bytes(-len(body) % 4)
        table += key + struct.pack(">II", start + len(data), len(padded))
        data += padded
    header = struct.pack(">I", start + len(data)) + b"test\x02\x40\0\0mntr" + space + b"XYZ " + bytes(12)
    header += b"acsp" + bytes(28) + b"".join(map(number, white))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def converted(
    pixels: NDArray[np.uint8], primaries: tuple[tuple[float, float, float], ...], gamma: float
) -> NDArray[np.uint8]:
    """The pixels of a profile's space in sRGB, by the definition of both (IEC 61966-2-1, adapted to D50)."""
    srgb = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7142]])
    linear = (pixels / 255.0) ** gamma @ np.array(primaries) @ np.linalg.inv(srgb).T
    linear = np.clip(linear, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(encoded * 255).astype(np.uint8)


def _gray(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Values from 0 to 1 as gray pixels."""
    return np.repeat((values * 255).astype(np.uint8)[..., None], 3, axis=2)


def _deep() -> list[OddImage]:
    values = ramp()
    sixteen = Image.fromarray((values * 65535).astype(np.uint16))
    twelve = Image.fromarray((values * 4095).astype(np.uint16))
    ten = Image.fromarray((values * 1023).astype(np.uint16))
    unit = values.astype(np.float32)
    negative = Image.fromarray((values * 80_000 - 20_000).astype(np.int32))
    inverted = bytearray(encode(sixteen, "TIFF"))
    at = inverted.index(struct.pack("<HHI", 262, 3, 1))
    inverted[at + 8] = 0  # white is zero
    right = _gray(values)
    return [
        OddImage("gray16.png", encode(sixteen, "PNG"), right),
        OddImage("gray16.tif", encode(sixteen, "TIFF"), right),
        OddImage("gray16.jp2", encode(sixteen, "JPEG2000"), right),
        OddImage("gray16.pgm", encode(sixteen, "PPM"), right),
        OddImage("gray16_big_endian.tif", encode(_big_endian(values), "TIFF"), right),
        OddImage("gray16_white_is_zero.tif", bytes(inverted), 255 - right),
        OddImage("gray12.png", encode(twelve, "PNG"), right),
        OddImage("gray12.tif", encode(twelve, "TIFF", compression="tiff_lzw"), right),
        OddImage("gray10.png", encode(ten, "PNG"), right),
        OddImage("float01.tif", encode(Image.fromarray(unit), "TIFF"), right),
        OddImage("float255.tif", encode(Image.fromarray(unit * 255), "TIFF"), right),
        OddImage("integers.tif", encode(negative, "TIFF"), right),
    ]


def _big_endian(values: NDArray[np.float64]) -> Image.Image:
    image = Image.frombytes("I;16B", (WIDTH, HEIGHT), (values * 65535).astype(">u2").tobytes())
    assert image.mode == "I;16B"
    return image


def _transparent() -> list[OddImage]:
    inside, rgb = disc(), np.asarray(colours()).copy()
    on_white = np.where(inside[..., None], rgb, 255).astype(np.uint8)
    black_below = np.where(inside[..., None], rgb, 0).astype(np.uint8)
    alpha = (inside * 255).astype(np.uint8)
    rgba = Image.fromarray(np.dstack([black_below, alpha]))
    gray = np.where(inside, 150, 0).astype(np.uint8)
    gray_on_white = np.repeat(np.where(inside, 150, 255).astype(np.uint8)[..., None], 3, axis=2)
    palette = Image.fromarray(np.where(inside, 1, 0).astype(np.uint8), "P")
    palette.putpalette([0, 0, 0, 200, 150, 120])
    palette_on_white = np.where(inside[..., None], (200, 150, 120), 255).astype(np.uint8)
    keyed = Image.fromarray(np.where(inside[..., None], rgb, 3).astype(np.uint8))
    deep = Image.fromarray(np.where(inside, 150 * 257, 0).astype(np.uint16))
    half = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 128))
    return [
        OddImage("cutout.png", encode(rgba, "PNG"), on_white),
        OddImage("cutout.tif", encode(rgba, "TIFF"), on_white),
        OddImage("cutout.webp", encode(rgba, "WEBP", lossless=True), on_white),
        OddImage("cutout.avif", encode(rgba, "AVIF", quality=95), on_white, 4),
        OddImage("cutout.jp2", encode(rgba, "JPEG2000"), on_white),
        OddImage("cutout_la.png", encode(Image.fromarray(np.dstack([gray, alpha])), "PNG"), gray_on_white),
        OddImage("half.png", encode(half, "PNG"), np.full((HEIGHT, WIDTH, 3), 127, np.uint8)),
        OddImage("palette.png", encode(palette, "PNG", transparency=0), palette_on_white),
        OddImage("palette_alpha.png", encode(palette, "PNG", transparency=b"\0\xff"), palette_on_white),
        OddImage("palette.gif", encode(palette, "GIF", transparency=0), palette_on_white),
        OddImage("keyed.png", encode(keyed, "PNG", transparency=(3, 3, 3)), on_white),
        OddImage("keyed_gray.png", encode(Image.fromarray(gray), "PNG", transparency=0), gray_on_white),
        OddImage("keyed_gray16.png", encode(deep, "PNG", transparency=0), gray_on_white),
    ]


def _other_colours() -> list[OddImage]:
    rgb = colours()
    right = np.asarray(rgb)
    cmyk, wide = rgb.convert("CMYK"), icc_profile(P3, 2.2)
    dark = Image.fromarray((ramp() * 255).astype(np.uint8))
    dark_pixels = _gray(ramp() ** (1.0 / 2.2))
    lab = rgb.convert("LAB")
    return [
        OddImage("cmyk.jpg", encode(cmyk, "JPEG", quality=98), right, 3),
        OddImage("cmyk.tif", encode(cmyk, "TIFF"), right),
        OddImage("ycbcr.tif", encode(rgb.convert("YCbCr"), "TIFF"), right, 2),
        OddImage("lab.tif", encode(lab, "TIFF"), right, 3),
        OddImage("p3.jpg", encode(rgb, "JPEG", quality=98, icc_profile=wide), converted(right, P3, 2.2), 3),
        OddImage("p3.png", encode(rgb, "PNG", icc_profile=wide), converted(right, P3, 2.2), 2),
        OddImage("p3.tif", encode(rgb, "TIFF", icc_profile=wide), converted(right, P3, 2.2), 2),
        OddImage(
            "p3.webp", encode(rgb, "WEBP", lossless=True, icc_profile=wide), converted(right, P3, 2.2), 2
        ),
        OddImage("p3_gray.png", encode(dark, "PNG", icc_profile=icc_profile(P3, 1.0)), dark_pixels, 6),
        OddImage(
            "gray_profile.png", encode(dark, "PNG", icc_profile=icc_profile((), 1.0, b"GRAY")), dark_pixels, 6
        ),
        OddImage("profile_does_not_fit.jpg", encode(cmyk, "JPEG", quality=98, icc_profile=wide), right, 3),
        OddImage("profile_is_damaged.png", encode(rgb, "PNG", icc_profile=wide[:200]), right),
    ]


def _formats() -> list[OddImage]:
    rgb = colours()
    right, gray = np.asarray(rgb), rgb.convert("L")
    gray_pixels = np.repeat(np.asarray(gray)[..., None], 3, axis=2)
    bits = Image.fromarray(disc())
    bit_pixels = np.repeat((disc() * 255).astype(np.uint8)[..., None], 3, axis=2)
    other = Image.new("RGB", rgb.size, "black")
    several = {"save_all": True, "append_images": [other, other]}
    return [
        OddImage("plain.jpg", encode(rgb, "JPEG", quality=98), right, 2),
        OddImage("progressive.jpg", encode(rgb, "JPEG", quality=98, progressive=True), right, 2),
        OddImage("gray.jpg", encode(gray, "JPEG", quality=98), gray_pixels, 2),
        OddImage("plain.webp", encode(rgb, "WEBP", lossless=True), right),
        OddImage("plain.avif", encode(rgb, "AVIF", quality=98), right, 3),
        OddImage("plain.jp2", encode(rgb, "JPEG2000"), right),
        OddImage("plain.bmp", encode(rgb, "BMP"), right),
        OddImage("plain.ppm", encode(rgb, "PPM"), right),
        OddImage("gray.pgm", encode(gray, "PPM"), gray_pixels),
        OddImage("bits.pbm", encode(bits, "PPM"), bit_pixels),
        OddImage("bits.png", encode(bits, "PNG"), bit_pixels),
        OddImage("bits.tif", encode(bits, "TIFF", compression="group4"), bit_pixels),
        OddImage("pages.tif", encode(rgb, "TIFF", **several), right),
        OddImage("moving.gif", encode(rgb, "GIF", **several), right, 12),
        OddImage("moving.png", encode(rgb, "PNG", **several), right),
        OddImage("moving.webp", encode(rgb, "WEBP", lossless=True, **several), right),
    ]
