"""Reading an image file that may be hostile: limits first, then a full decode, then the view for the browser."""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from annotator.imaging.plain_jpeg import is_plain_jpeg
from trainer.pixels.decode import OpenedImage, open_image
from trainer.pixels.errors import UndecodableImageError

_EXTENSIONS = {
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "HEIF": "heic",
    "AVIF": "avif",
    "TIFF": "tif",
    "GIF": "gif",
    "BMP": "bmp",
    "JPEG2000": "jp2",
    "PPM": "ppm",
}
VIEW_SIDE = 1024
MIN_SIDE = 16
MAX_ASPECT = 20


class RefusedImageError(Exception):
    """A file cannot be imported; the message is the reason, as a clause after its name."""


@dataclass(frozen=True)
class Header:
    """The format and size of an image.

    Args:
        extension: of the format that was recognised by content.
        width: in pixels, of the upright image.
        height: in pixels, of the upright image.
        notes: what was unusual about the file, each as a clause; known only after it was decoded.
    """

    extension: str
    width: int
    height: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """Files and images that exceed these limits are refused before they are decoded.

    `reserve_bytes`: the free disk space that storing them leaves, see `annotator.files.free_bytes`.
    """

    max_pixels: int
    max_file_bytes: int
    reserve_bytes: int = 0


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
            raise RefusedImageError(
                f"is larger than {limits.max_file_bytes // 2**20} MiB (FACELABEL_MAX_FILE_BYTES)"
            )
        try:
            return file.read()
        except OSError as error:
            raise RefusedImageError(f"cannot be read ({error.strerror})") from error


def read_header(content: bytes, limits: Limits) -> Header:
    """Return format and size; only a PNG is decoded for it.

    Raises:
        RefusedImageError: if it is not an image, or is too large, too small or too narrow.
    """
    try:
        opened = _open(content, limits)
        return Header(_EXTENSIONS[opened.kind], *opened.upright_size())
    except UndecodableImageError as error:
        raise RefusedImageError(str(error)) from error


def read_image(content: bytes, limits: Limits) -> tuple[Header, bytes]:
    """Return format and size, and the view: an upright JPEG without metadata, with at most 1024 pixels a side.

    A file that is such a JPEG already is its own view, which avoids the loss of a second compression. The image is decoded
    in full, so that a truncated or lying file is found now and not while labelling.

    Raises:
        RefusedImageError: if the image is damaged; an image that `read_header` refuses is not decoded.
    """
    try:
        opened = _open(content, limits)
        decoded = opened.decode(VIEW_SIDE)
    except UndecodableImageError as error:
        raise RefusedImageError(str(error)) from error
    header = Header(_EXTENSIONS[opened.kind], decoded.width, decoded.height, decoded.notes)
    if max(opened.size) <= VIEW_SIDE and not decoded.notes and is_plain_jpeg(content):
        return header, content
    decoded.pixels.thumbnail((VIEW_SIDE, VIEW_SIDE), Image.Resampling.LANCZOS)
    view = io.BytesIO()
    decoded.pixels.save(view, "JPEG", quality=90)
    return header, view.getvalue()


def decode_upright(content: bytes, limits: Limits) -> tuple[Header, Image.Image]:
    """Return format and size, and all pixels of an image, upright and in RGB.

    Raises:
        RefusedImageError: if the image is damaged; an image that `read_header` refuses is not decoded.
    """
    try:
        opened = _open(content, limits)
        decoded = opened.decode()
    except UndecodableImageError as error:
        raise RefusedImageError(str(error)) from error
    header = Header(_EXTENSIONS[opened.kind], decoded.width, decoded.height, decoded.notes)
    return header, decoded.pixels


def _open(content: bytes, limits: Limits) -> OpenedImage:
    """Recognise an image and check its size before a pixel is decoded."""
    opened = open_image(content, limits.max_pixels)
    width, height = opened.size
    if min(width, height) < MIN_SIDE:
        raise RefusedImageError(f"has only {width}×{height} pixels")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise RefusedImageError(f"is a strip of {width}×{height} pixels")
    return opened
