"""Pixels as images inside a page."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True)
class Picture:
    """An image for the macro `image`.

    Attributes:
        source: A data URI, so that the page needs no other file.
        alt: What the image shows.
        width: Pixels on the page; None leaves the size to the style.
    """

    source: str
    alt: str
    width: int | None = None


def picture(
    pixels: NDArray[np.uint8], *, alt: str, width: int | None = None, lossless: bool = False
) -> Picture:
    """Encode pixels as JPEG, or as PNG if `lossless`.

    Args:
        pixels: (H, W, 3) RGB or (H, W) gray.
        alt: What they show.
        width: Pixels on the page.
        lossless: For small images, whose pixels should stay exact.
    """
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG" if lossless else "JPEG", quality=85)
    kind = "png" if lossless else "jpeg"
    data = base64.b64encode(stream.getvalue()).decode()
    return Picture(f"data:image/{kind};base64,{data}", alt, width)
