"""Decoding image files into tensors."""

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from trainer.pixels.decode import decode_image
from trainer.pixels.errors import UndecodableImageError
from trainer.pixels.kinds import MAX_PIXELS
from trainer.runtime.errors import ImageError

_SETTING = "FACELABEL_MAX_PIXELS"


def load_image(path: Path, side: int, *, crop: float = 1.0) -> Tensor:
    """Decode an image as the labellers see it and resize it to a square, whatever its shape.

    Args:
        path: A file in any format that is imported.
        side: Side of the square in pixels.
        crop: Proportion of the image's sides that is kept, around the middle.

    Returns:
        (3, side, side) uint8 RGB.

    Raises:
        ImageError: The file is missing, cannot be decoded, or has more pixels than the setting FACELABEL_MAX_PIXELS permits.
    """
    try:
        decoded = decode_image(path.read_bytes(), _max_pixels(), int(2 * side / crop))
    except FileNotFoundError as cause:
        raise ImageError(
            f"{path} is not there.",
            "Nothing was changed.",
            "Restore the file, or give the folder of the images with --images.",
        ) from cause
    except OSError as cause:
        raise ImageError(
            f"{path} cannot be read: {cause}.",
            "Nothing was changed.",
            "Make the file readable, or restore it.",
        ) from cause
    except UndecodableImageError as cause:
        raise ImageError(
            f"{path} {cause}.",
            "Nothing was changed.",
            f"Set {_SETTING} higher, or remove the image."
            if _SETTING in str(cause)
            else "Restore the file, or import the image again.",
        ) from cause
    width, height = decoded.pixels.size
    left, top = (1 - crop) / 2 * width, (1 - crop) / 2 * height
    box = (left, top, width - left, height - top)
    square = decoded.pixels.resize((side, side), Image.Resampling.BILINEAR, box=box)
    return torch.from_numpy(np.array(square)).permute(2, 0, 1).contiguous()


def _max_pixels() -> int:
    setting = os.environ.get(_SETTING, "")
    return int(setting) if setting.isdecimal() else MAX_PIXELS
