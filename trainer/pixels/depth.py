"""Gray images with more than 8 bits a pixel, scaled to 8 bits.

A file seldom says which range its values have: cameras put 10 or 12 bits into 16, and programs write floats from 0 to 1
or from 0 to 255. Without a declared range, the smallest usual range that contains the largest value is taken.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_DEPTHS = (8, 10, 12, 16)
"""Usual depths in bits. 14 is missing, because underexposed 16-bit images have such values more often than 14-bit ones."""

_BITS_PER_SAMPLE, _PHOTOMETRIC, _LARGEST_VALUE = 258, 262, 281
"""Numbers of TIFF's tags."""

_WHITE_IS_ZERO = 0
_SCALED_BY_PILLOW = {"PPM", "JPEG2000"}
"""Formats that declare their depth, and whose values Pillow scales to 16 bits."""


def to_eight_bits(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """Return a decoded gray image of 16-bit, 32-bit or float values in mode L, or LA with transparent pixels, and notes."""
    values = np.asarray(image)
    if values.dtype.kind == "f":
        scaled, notes = _scale_floats(values)
    else:
        scaled, notes = _scale_integers(values, _declared_bits(image))
    if _tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO:
        scaled = 255 - scaled
    gray = Image.fromarray(scaled)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        gray.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return gray, notes


def _scale_integers(values: NDArray[np.integer], declared: int | None) -> tuple[NDArray[np.uint8], list[str]]:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= 2 ** _DEPTHS[-1]:
        return _stretch(values, low, high)
    bits = declared or next(bits for bits in _DEPTHS if high < 2**bits)
    guessed = declared is None and high > 0 and bits < _DEPTHS[-1]
    notes = [f"its gray values, up to {high:,}, are read as {bits}-bit values"] if guessed else []
    return np.minimum(values >> (bits - 8), 255).astype(np.uint8), notes


def _scale_floats(values: NDArray[np.floating]) -> tuple[NDArray[np.uint8], list[str]]:
    """Scale floats from 0..1, 0..255 or 0..65535, or else from the range that they have; not-a-numbers become black."""
    values = np.where(np.isfinite(values), values, 0.0)
    low, high = float(values.min()), float(values.max())
    usual = high <= 1 or 16 < high <= 255 or 4096 < high <= 65535
    if low < 0 or not usual:
        return _stretch(values, low, high)
    top = next(top for top in (1, 255, 65535) if high <= top)
    return (values * (255 / top) + 0.5).astype(np.uint8), []


def _stretch(values: NDArray[np.number], low: float, high: float) -> tuple[NDArray[np.uint8], list[str]]:
    scaled = (values.astype(np.float64) - low) * (255 / max(high - low, 1e-12)) + 0.5
    return scaled.astype(np.uint8), [f"its gray values, {low:,g} to {high:,g}, are shown as black to white"]


def _declared_bits(image: Image.Image) -> int | None:
    if image.format in _SCALED_BY_PILLOW:
        return 16
    largest, bits = _tag(image, _LARGEST_VALUE), _tag(image, _BITS_PER_SAMPLE)
    if isinstance(largest, int) and largest > 0:
        return next((bits for bits in _DEPTHS if largest < 2**bits), None)
    return bits if isinstance(bits, int) and 8 < bits < 16 else None


def _tag(image: Image.Image, number: int) -> object:
    """The value of a TIFF tag, or its first value; None in other formats."""
    value = getattr(image, "tag_v2", {}).get(number)
    return value[0] if isinstance(value, tuple) and value else value
