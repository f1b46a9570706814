"""Decoding image files into tensors."""

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from trainer.runtime.errors import ImageError

MOST_PIXELS = 100_000_000
"""Larger images are refused, because decoding one would take hundreds of megabytes."""


def load_image(path: Path, side: int, *, crop: float = 1.0) -> Tensor:
    """Decode an image, turn it upright and resize it to a square, whatever its shape.

    Args:
        path: A file in any format that Pillow reads.
        side: Side of the square in pixels.
        crop: Proportion of the image's sides that is kept, around the middle.

    Returns:
        (3, side, side) uint8 RGB.

    Raises:
        ImageError: The file is missing, cannot be decoded, or has more than `MOST_PIXELS`.
    """
    try:
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("ignore")  # about unusual metadata; the size is checked here
            if image.width * image.height > MOST_PIXELS:
                raise ImageError(
                    f"{path} has {image.width}x{image.height} pixels, more than {MOST_PIXELS:,}.",
                    "Nothing was changed.",
                    "Make it smaller and import it again, or remove it from the project.",
                )
            image.draft("RGB", (int(2 * side / crop), int(2 * side / crop)))
            upright = ImageOps.exif_transpose(image).convert("RGB")
            width, height = upright.size
            left, top = (1 - crop) / 2 * width, (1 - crop) / 2 * height
            box = (left, top, width - left, height - top)
            square = upright.resize((side, side), Image.Resampling.BILINEAR, box=box)
    except FileNotFoundError as cause:
        raise ImageError(
            f"{path} is not there.",
            "Nothing was changed.",
            "Restore the file, or give the folder of the images with --images.",
        ) from cause
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as cause:
        raise ImageError(
            f"{path} cannot be decoded: {cause}.",
            "Nothing was changed.",
            "Restore the file, or import the image again.",
        ) from cause
    return torch.from_numpy(np.array(square)).permute(2, 0, 1).contiguous()
