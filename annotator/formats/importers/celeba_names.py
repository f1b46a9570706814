"""CelebA's lists call its images 000001.jpg, also those that came as PNG, from img_align_celeba_png."""

from __future__ import annotations

import re


def png_name(listed: str) -> str | None:
    """The name of the PNG file of an image that a list calls NNNNNN.jpg; None for any other name."""
    return f"{listed[:-4]}.png" if re.fullmatch(r"\d{6}\.jpg", listed) else None


def listed_name(file: str) -> str:
    """What the lists call an image file."""
    return f"{file[:-4]}.jpg" if re.fullmatch(r"\d{6}\.png", file) else file
