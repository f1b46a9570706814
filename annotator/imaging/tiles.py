"""Cutting a part out of an image file for the browser: upright, in sRGB, without metadata, and no larger than needed."""

from __future__ import annotations

import io
import math
from pathlib import Path

from PIL import Image

from annotator.domain.faces.boxes import turned_back
from annotator.domain.faces.crops import Crop
from annotator.imaging.detector import turn_image
from annotator.imaging.image_files import Limits, RefusedImageError, read_bytes
from trainer.pixels.decode import open_image
from trainer.pixels.errors import UndecodableImageError

_QUALITY = 95
"""Quality 90 already smooths the pores of a skin."""


def cut_tile(path: Path, limits: Limits, size: tuple[int, int], crop: Crop, side: int) -> bytes:
    """Return a part of an image as a JPEG with at most `side` pixels a side; it is never enlarged.

    Args:
        path: the image file, or a smaller version of it.
        limits: a file beyond them is refused before it is decoded.
        size: (width, height) of the upright image in full, whose pixels the crop counts.
        crop: the part; the tile is turned like it.
        side: pixels of the longer side.

    Raises:
        RefusedImageError: if the file cannot be read or decoded.
    """
    content = read_bytes(path, limits)
    wanted = min(1.0, side / max(crop.box.width, crop.box.height))
    try:
        # A large JPEG is only decoded to as many pixels as the tile needs.
        pixels = open_image(content, limits.max_pixels).decode(math.ceil(min(size) * wanted)).pixels
    except UndecodableImageError as error:
        raise RefusedImageError(str(error)) from error
    part = turned_back(crop.box, crop.turn, *size)
    across, down = pixels.width / size[0], pixels.height / size[1]
    scale = min(wanted, across)
    shape = max(1, round(part.width * scale)), max(1, round(part.height * scale))
    area = (part.left * across, part.top * down, part.right * across, part.bottom * down)
    tile = io.BytesIO()
    upright = pixels.resize(shape, Image.Resampling.LANCZOS, box=area)
    turn_image(upright, crop.turn).save(tile, "JPEG", quality=_QUALITY)
    return tile.getvalue()
