"""Decoding a file that the usual way refuses, if nothing of its picture is lost but its last rows at most.

Metadata that is damaged or too large for Pillow is removed. If the end of a file is missing, what was not delivered is
found by decoding twice: the missing pixels are those that depend on what stands where the rest should be.
"""

import random
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from trainer.pixels.containers import all_scans_begun, png_profile, without_metadata
from trainer.pixels.errors import UndecodableImageError

METADATA_IGNORED = "its metadata is damaged or too large and was ignored"
LACKS_END = "it lacks its last bytes"

_MISSING_SHARE = 0.01
"""Proportion of the pixels that may be missing."""

_MISSING_BLOCKS, _MISSING_OF_SMALL = 512, 0.05
"""Two blocks of a JPEG may be missing, unless that is more than this proportion of a small image."""

_END_MARK = b"\xff\xd9"  # of a JPEG and of a JPEG 2000 code stream
_OTHER_DATA = random.Random(0).randbytes(4096).replace(b"\xff", b"\xfe")  # noqa: S311 - no secret
_FILLINGS = b"\xff", b"\x80", b"\x55", b"\x2a"
"""Bytes to take for missing ones: some decoders refuse zeros, and the few pixels concerned are wrong anyway."""

_DECODED_IN_PLACE = {"PNG", "TIFF", "BMP", "PPM"}

Open = Callable[[bytes], ImageFile.ImageFile]
"""Opens a file and checks its size; raises what Pillow raises, or refuses it."""


def open_tolerantly(content: bytes, kind: str, open_file: Open) -> tuple[ImageFile.ImageFile, list[str]]:
    """Open a file, if need be without its metadata, and return what was done; raises what opening it as it is raises."""
    try:
        return open_file(content), []
    except (MemoryError, UndecodableImageError):
        raise
    except Exception:
        for image in _opened_without_metadata(content, kind, open_file):
            return image, [METADATA_IGNORED]
        raise


def repair(content: bytes, kind: str, missing: int, open_file: Open) -> tuple[Image.Image, list[str]] | None:
    """Return the loaded image of a file that cannot be decoded as it is, and what was done; None if it is damaged.

    Args:
        content: the file.
        kind: Pillow's name of its format.
        missing: the number of bytes at its end that were missing and are zeros.
        open_file: opens a file.
    """
    for stripped in _opened_without_metadata(content, kind, open_file):
        if _load(stripped) is not None:
            return stripped, [METADATA_IGNORED]
    image: Image.Image | None = None
    if kind in {"JPEG", "JPEG2000"}:
        content = content.rstrip(_END_MARK[:1])  # half of the end mark
    if kind == "JPEG":
        image = _without_end_of_jpeg(content, open_file)
    elif kind == "JPEG2000":
        image = _load(open_file(content + _END_MARK))
    elif missing:
        fillings = (_load(open_file(content[:-missing] + filling * missing)) for filling in _FILLINGS)
        return next(((image, []) for image in fillings if image is not None), None)  # it is noted already
    elif kind in _DECODED_IN_PLACE:
        image = _without_last_rows(content, kind, open_file)
    return None if image is None else (image, [LACKS_END])


def _opened_without_metadata(content: bytes, kind: str, open_file: Open) -> Iterator[ImageFile.ImageFile]:
    for picture in without_metadata(content, kind):
        try:
            image = open_file(picture)
        except (MemoryError, UndecodableImageError):
            raise
        except Exception:  # noqa: BLE001, S112 - decoders raise many kinds for a damaged file
            continue
        if kind == "PNG" and (profile := png_profile(content)) is not None:
            image.info["icc_profile"] = profile
        yield image


def _without_end_of_jpeg(content: bytes, open_file: Open) -> Image.Image | None:
    """Decode a JPEG without its end, whose blocks follow each other in rows."""
    image = other = None
    if all_scans_begun(content):
        image = _load(open_file(content + _END_MARK))
        other = _load(open_file(content + _OTHER_DATA + _END_MARK))
    if image is None or other is None:
        return None
    missing = _differences(image, other)
    rows = np.flatnonzero(missing.any(axis=1))
    if len(rows):
        height = 8 * max((layer[2] for layer in getattr(image, "layer", [])), default=1)
        first = missing[rows[0] : rows[0] + height]
        first[:, np.flatnonzero(first.any(axis=0))[0] :] = True
        missing[rows[0] + height :] = True
    return image if _is_little(missing) else None


def _without_last_rows(content: bytes, kind: str, open_file: Open) -> Image.Image | None:
    """Decode a file without its end onto two backgrounds: a pixel that was not delivered shows them."""
    dark, light = (
        _load_onto(open_tolerantly(content, kind, open_file)[0], background) for background in (0, 255)
    )
    if dark is None or light is None:
        return None
    return light if _is_little(_differences(dark, light)) else None


def _is_little(missing: NDArray[np.bool_]) -> bool:
    count = np.count_nonzero(missing)
    return bool(
        count <= max(_MISSING_SHARE * missing.size, min(_MISSING_BLOCKS, _MISSING_OF_SMALL * missing.size))
    )


def _differences(image: Image.Image, other: Image.Image) -> NDArray[np.bool_]:
    """The (height, width) pixels in which two images differ."""
    differs = np.not_equal(np.asarray(image), np.asarray(other))
    return np.asarray(differs if differs.ndim == 2 else differs.any(axis=2), np.bool_)


def _load(image: ImageFile.ImageFile) -> Image.Image | None:
    try:
        image.load()
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - decoders raise many kinds for a damaged file
        return None
    return image


def _load_onto(image: ImageFile.ImageFile, background: int) -> Image.Image | None:
    """The image with the pixels that could be decoded before the file ended, on a background."""
    canvas = Image.new(image.mode, getattr(image, "_tile_size", image.size), background).im
    image.im = canvas
    if _load(image) is None:
        image.tile = []  # the decoder wrote what it had; nothing more is decoded
        image.load()
    return image if image.im is canvas else None
