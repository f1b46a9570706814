"""The kinds of image files: those that are decoded, and those that must be converted first."""

import re
from pathlib import PurePath

MAX_PIXELS = 128_000_000
"""Default of the setting FACELABEL_MAX_PIXELS: images with more pixels are not decoded. Phones take photos of 108 million."""

HEAD_BYTES = 4096
"""A file's first bytes that suffice to recognise its kind."""

IMAGE_ENDINGS = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
        *(".png", ".apng", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"),
        *(".heic", ".heif", ".hif", ".avif"),
        *(".jp2", ".j2k", ".j2c", ".jpc", ".jpx", ".jpf"),
        *(".pbm", ".pgm", ".ppm", ".pnm"),
    }
)
"""The usual file name endings of image files that are decoded; the kind is recognised by content only."""

_PNM = re.compile(rb"P[1-6](\s|#[^\n]*\n)+[0-9]+(\s|#[^\n]*\n)+[0-9]+\s")
_BITMAP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}
_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_AVIF_BRANDS = {b"avif", b"avis"}
_ANY_CODEC_BRANDS = {b"mif1", b"msf1"}
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"\xff\x4f\xff\x51": "JPEG2000",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG2000",
} | dict.fromkeys(_TIFF_STARTS, "TIFF")

RAW = (
    "a camera's raw file; export it as JPEG or TIFF with the camera maker's program, darktable or RawTherapee"
)
_JPEG_XL = "a JPEG XL image; convert it to PNG with `djxl IMAGE IMAGE.png`"
_PHOTOSHOP = "a Photoshop document; export it as PNG or JPEG"
_GIMP = "a GIMP document; export it as PNG or JPEG"
_SVG = "a vector drawing (SVG); render it as PNG, for example with Inkscape"
_POSTSCRIPT = "a PostScript or PDF document; export its pictures as PNG or JPEG"
_HIGH_RANGE = "a high-dynamic-range image; tone-map it and save it as PNG or JPEG"
_MEDICAL = "a DICOM image; export it as PNG"
_ICON = "an icon; save it as PNG"
_OTHER = "an image in a rare format; convert it to PNG or JPEG, for example with ImageMagick"

_UNREADABLE_STARTS = {
    b"IIU\0": RAW,
    b"IIRO": RAW,
    b"IIRS": RAW,
    b"MMOR": RAW,
    b"FUJIFILMCCD-RAW": RAW,
    b"FOVb": RAW,
    b"\0MRM": RAW,
    b"\xff\x0a": _JPEG_XL,
    b"\0\0\0\x0cJXL \r\n\x87\n": _JPEG_XL,
    b"8BPS": _PHOTOSHOP,
    b"gimp xcf": _GIMP,
    b"%!PS": _POSTSCRIPT,
    b"%PDF": _POSTSCRIPT,
    b"\xc5\xd0\xd3\xc6": _POSTSCRIPT,
    b"\x76\x2f\x31\x01": _HIGH_RANGE,
    b"#?RADIANCE": _HIGH_RANGE,
    b"\0\0\1\0": _ICON,
    b"qoif": _OTHER,
    b"DDS ": _OTHER,
}
_RAW_ENDINGS = frozenset(
    [
        ".3fr",
        ".arw",
        ".cr2",
        ".cr3",
        ".crw",
        ".dcr",
        ".dng",
        ".erf",
        ".fff",
        ".gpr",
        ".iiq",
        ".kdc",
        ".mef",
        ".mos",
        ".mrw",
        ".nef",
        ".nrw",
        ".orf",
        ".pef",
        ".raf",
        ".raw",
        ".rw2",
        ".rwl",
        ".sr2",
        ".srf",
        ".srw",
        ".x3f",
    ]
)
_UNREADABLE_ENDINGS = dict.fromkeys(_RAW_ENDINGS, RAW) | {
    ".jxl": _JPEG_XL,
    ".psd": _PHOTOSHOP,
    ".psb": _PHOTOSHOP,
    ".xcf": _GIMP,
    ".svg": _SVG,
    ".svgz": _SVG,
    ".eps": _POSTSCRIPT,
    ".ai": _POSTSCRIPT,
    ".pdf": _POSTSCRIPT,
    ".exr": _HIGH_RANGE,
    ".hdr": _HIGH_RANGE,
    ".dcm": _MEDICAL,
    ".ico": _ICON,
    ".icns": _ICON,
    ".tga": _OTHER,
    ".pcx": _OTHER,
    ".dds": _OTHER,
    ".qoi": _OTHER,
    ".jxr": _OTHER,
    ".wdp": _OTHER,
    ".flif": _OTHER,
}


def sniff_image(head: bytes) -> str | None:
    """Return Pillow's name of an image format that is decoded, by a file's first `HEAD_BYTES`; None for another file.

    A camera's raw file may be in TIFF's container: ask `unreadable_kind` first, which knows its ending.
    """
    for start, kind in _STARTS.items():
        if head.startswith(start):
            return kind
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _sniff_brands(head)
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS:
        return "BMP"
    return "PPM" if _PNM.match(head) else None


def unreadable_kind(path: PurePath, head: bytes) -> str | None:
    """Return what a file is and how to convert it, if it is an image of a known kind that is not decoded; else None.

    Args:
        path: the file; only its ending is used, where the content does not tell.
        head: its first `HEAD_BYTES`.
    """
    for start, kind in _UNREADABLE_STARTS.items():
        if head.startswith(start):
            return kind
    if head[4:12] == b"ftypcrx " or (head[8:10] == b"CR" and head.startswith(_TIFF_STARTS)):
        return RAW
    if head[128:132] == b"DICM":
        return _MEDICAL
    if b"<svg" in head and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _SVG
    ending, kind_by_content = path.suffix.lower(), sniff_image(head)
    if kind_by_content == "TIFF" and ending in _RAW_ENDINGS:
        return RAW
    return _UNREADABLE_ENDINGS.get(ending) if kind_by_content is None else None


def _sniff_brands(head: bytes) -> str | None:
    """The format of an ISO base media file by the brands of its first box: HEIF with HEVC, AVIF, or None for a film."""
    size = int.from_bytes(head[:4], "big")
    brands = [head[at : at + 4] for at in (8, *range(16, min(size, len(head)), 4))]
    if brands[0] in _AVIF_BRANDS or (brands[0] in _ANY_CODEC_BRANDS and _AVIF_BRANDS & {*brands}):
        return "AVIF"
    return "HEIF" if brands[0] in _HEVC_BRANDS | _ANY_CODEC_BRANDS else None
