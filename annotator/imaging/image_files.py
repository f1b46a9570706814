"""Reading an image file that may be hostile: limits first, then a full decode, then the view for the browser."""

from __future__ import annotations

import io
import os
import stat
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from annotator.imaging.plain_jpeg import is_plain_jpeg

EXTENSIONS = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
"""File name extensions of images; other files are ignored."""

_FORMATS = {
    "JPEG": "jpg",
    "MPO": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "BMP": "bmp",
    "TIFF": "tif",
    "GIF": "gif",
}
_OPENED = tuple(
    name for name in _FORMATS if name != "MPO"
)  # a JPEG of several pictures, which is opened as JPEG
VIEW_SIDE = 1024
MIN_SIDE = 16
MAX_ASPECT = 20


class RefusedImageError(Exception):
    """A file cannot be imported; the message is the reason, as a clause after its name."""


@dataclass(frozen=True)
class Header:
    """The format and size of an image; width and height in pixels after the EXIF orientation is applied."""

    extension: str
    width: int
    height: int


@dataclass(frozen=True)
class Limits:
    """Files and images that exceed these limits are refused before they are decoded."""

    max_pixels: int
    max_file_bytes: int


def read_bytes(path: Path, limits: Limits) -> bytes:
    """Return the bytes of a regular file within the limits.

    Raises:
        RefusedImageError: if it is not such a file, or cannot be read.
    """
    try:
        # O_NONBLOCK: opening a named pipe must not wait for its other end.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise RefusedImageError(f"cannot be opened ({error.strerror})") from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise RefusedImageError("is not a regular file")
        if status.st_size == 0:
            raise RefusedImageError("is empty")
        if status.st_size > limits.max_file_bytes:
            raise RefusedImageError(f"is larger than {limits.max_file_bytes // 2**20} MiB")
        try:
            return file.read()
        except OSError as error:
            raise RefusedImageError(f"cannot be read ({error.strerror})") from error


def read_header(content: bytes, limits: Limits) -> Header:
    """Return format and size without decoding a pixel.

    Raises:
        RefusedImageError: if it is not an image, or is too large, too small or too narrow.
    """
    with _refusals(limits), _open(content) as image:
        return _header(image, limits)


def read_image(content: bytes, limits: Limits) -> tuple[Header, bytes]:
    """Return format and size, and the view: an upright JPEG without metadata, with at most 1024 pixels a side.

    A file that is such a JPEG already is its own view, which avoids the loss of a second compression. The image is decoded
    in full, so that a truncated or lying file is found now and not while labelling.

    Raises:
        RefusedImageError: if the image is damaged; an image that `read_header` refuses is not decoded.
    """
    with _refusals(limits), _open(content) as image:
        return _header(image, limits), _view(image, content)


def _header(image: Image.Image, limits: Limits) -> Header:
    width, height = image.size
    if width * height > limits.max_pixels:
        raise RefusedImageError(f"has {width}×{height} pixels, more than {limits.max_pixels:,}")
    if min(width, height) < MIN_SIDE:
        raise RefusedImageError(f"has only {width}×{height} pixels")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise RefusedImageError(f"is a strip of {width}×{height} pixels")
    if image.getexif().get(ExifTags.Base.Orientation) in {5, 6, 7, 8}:
        width, height = height, width
    return Header(_FORMATS[str(image.format)], width, height)


def _view(image: Image.Image, content: bytes) -> bytes:
    fits = max(image.size) <= VIEW_SIDE
    # The decoder can scale a large JPEG while it reads every byte; the size of the view is enough.
    image.draft("RGB", (VIEW_SIDE, VIEW_SIDE))
    image.load()
    if fits and is_plain_jpeg(content):
        return content
    ImageOps.exif_transpose(image, in_place=True)
    upright = _rgb(image)
    upright.info.clear()  # only the pixels are shown, no metadata
    upright.thumbnail((VIEW_SIDE, VIEW_SIDE), Image.Resampling.LANCZOS)
    view = io.BytesIO()
    upright.save(view, "JPEG", quality=90)
    return view.getvalue()


def decode_upright(content: bytes, limits: Limits) -> Image.Image:
    """Return all pixels of an image, upright and in RGB.

    Raises:
        RefusedImageError: if the image is damaged.
    """
    with _refusals(limits), _open(content) as image:
        image.load()
        upright = _rgb(ImageOps.exif_transpose(image))
    upright.info.clear()
    return upright


def _open(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content), formats=_OPENED)


@contextmanager
def _refusals(limits: Limits) -> Iterator[None]:
    """Turn the exceptions of Pillow's decoders for damaged and hostile files into refusals."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about odd metadata, and raises for what matters
            yield
    except UnidentifiedImageError as error:
        raise RefusedImageError(
            "is not an image that can be read (JPEG, PNG, WebP, BMP, TIFF, GIF)"
        ) from error
    except Image.DecompressionBombError as error:
        raise RefusedImageError(f"has more than {limits.max_pixels:,} pixels") from error
    except MemoryError as error:
        raise RefusedImageError("needs more memory than is available") from error
    except (
        OSError,
        ValueError,
        SyntaxError,
        IndexError,
        KeyError,
        TypeError,
        EOFError,
        struct.error,
    ) as error:
        raise RefusedImageError(f"is damaged ({error})") from error


def _rgb(image: Image.Image) -> Image.Image:
    """The image in 8-bit RGB; transparency becomes white, 16-bit gray is scaled."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value / 256).convert("L").convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        background = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(background, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
