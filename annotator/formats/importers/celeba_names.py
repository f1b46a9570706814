"""CelebA's image names: its lists say 000001.jpg also for the PNG files of img_align_celeba_png."""

from __future__ import annotations

import re


def png_name(listed: str) -> str | None:
    """Return the PNG file name of an image that a list calls NNNNNN.jpg; None for any other name."""
    return f"{listed[:-4]}.png" if re.fullmatch(r"\d{6}\.jpg", listed) else None


def listed_name(file: str) -> str:
    """Return the name that the lists use for an image file."""
    return f"{file[:-4]}.jpg" if re.fullmatch(r"\d{6}\.png", file) else file
