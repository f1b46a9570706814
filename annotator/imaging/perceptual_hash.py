"""The perceptual hash of an image: 64 bits that hardly change when it is scaled, recompressed or brightened.

It is the pHash of Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010): the lowest 8 × 8
frequencies of the discrete cosine transform of a 32 × 32 gray thumbnail, each compared with their median.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIDE, _KEPT = 32, 8
_FREQUENCIES = np.cos(np.pi / _SIDE * np.outer(np.arange(_KEPT), np.arange(_SIDE) + 0.5)).astype(np.float32)
_FREQUENCIES[0] /= np.sqrt(2)
"""(8, 32): the first rows of the discrete cosine transform (DCT-II, orthogonal)."""


def perceptual_hash(image: Image.Image) -> int:
    """Return the hash of a decoded image as a signed 64-bit integer, which a database column can hold."""
    gray = np.asarray(image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), np.float32)
    low: NDArray[np.floating] = (_FREQUENCIES @ gray @ _FREQUENCIES.T).ravel()
    bits = low > np.median(
        low[1:]
    )  # the first one is the mean brightness, which is not part of the picture's structure
    return int(np.packbits(bits).view(">i8")[0])
