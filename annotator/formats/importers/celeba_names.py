"""CelebA's image names: its lists say 000001.jpg also for the PNG files of img_align_celeba_png."""

from __future__ import annotations

import re

ATTRIBUTES = frozenset(
    [
        "5_o_Clock_Shadow",
        "Arched_Eyebrows",
        "Attractive",
        "Bags_Under_Eyes",
        "Bald",
        "Bangs",
        "Big_Lips",
        "Big_Nose",
        "Black_Hair",
        "Blond_Hair",
        "Blurry",
        "Brown_Hair",
        "Bushy_Eyebrows",
        "Chubby",
        "Double_Chin",
        "Eyeglasses",
        "Goatee",
        "Gray_Hair",
        "Heavy_Makeup",
        "High_Cheekbones",
        "Male",
        "Mouth_Slightly_Open",
        "Mustache",
        "Narrow_Eyes",
        "No_Beard",
        "Oval_Face",
        "Pale_Skin",
        "Pointy_Nose",
        "Receding_Hairline",
        "Rosy_Cheeks",
        "Sideburns",
        "Smiling",
        "Straight_Hair",
        "Wavy_Hair",
        "Wearing_Earrings",
        "Wearing_Hat",
        "Wearing_Lipstick",
        "Wearing_Necklace",
        "Wearing_Necktie",
        "Young",
    ]
)
"""The 40 attributes of CelebA, by which its list is recognised whatever its name."""


def png_name(listed: str) -> str | None:
    """Return the PNG file name of an image that a list calls NNNNNN.jpg; None for any other name."""
    return f"{listed[:-4]}.png" if re.fullmatch(r"\d{6}\.jpg", listed) else None


def listed_name(file: str) -> str:
    """Return the name that the lists use for an image file."""
    return f"{file[:-4]}.jpg" if re.fullmatch(r"\d{6}\.png", file) else file
