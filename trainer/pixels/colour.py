"""Any decoded image in 8-bit sRGB, on white where it is transparent: what a browser shows."""

import io
from functools import lru_cache

from PIL import Image, ImageCms

_LARGEST_PROFILE = 16 * 2**20
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""The mode of images that a colour profile of this space is for."""

_GRAY = {"1", "L", "LA", "La"}
_MAY_BE_TRANSPARENT = _GRAY | {"P", "PA", "RGB", "RGBA", "RGBa"}


def to_srgb(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """Return a decoded image in mode RGB and sRGB's colours, and notes about what had to be guessed or ignored.

    Gray values of more than 8 bits are scaled, colours are converted by the colour profile, and transparency becomes white.
    """
    profile = image.info.get("icc_profile")
    if image.mode == "RGB" and not profile and "transparency" not in image.info:
        return image, []
    notes: list[str] = []
    if image.mode[0] in "IF":
        from trainer.pixels.depth import to_eight_bits  # noqa: PLC0415 - NumPy is loaded with the first deep image

        image, notes = to_eight_bits(image)
    alpha = None
    if image.mode in _MAY_BE_TRANSPARENT and image.has_transparency_data:
        image, alpha = _split_alpha(image)
    rgb, profile_notes = _convert(image, profile) if profile else (image.convert("RGB"), [])
    if alpha is not None:
        rgb = Image.composite(rgb, Image.new("RGB", rgb.size, "white"), alpha)
    return rgb, notes + profile_notes


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The image without transparency, in mode L or RGB, and its alpha channel."""
    transparent = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(transparent, tuple) and max(transparent) > 255:
        image.info["transparency"] = tuple(value >> 8 for value in transparent)  # of a 16-bit PNG
    if image.mode in {"La", "RGBa"}:
        image = image.convert(image.mode.upper())
    *colours, alpha = image.convert("LA" if image.mode in _GRAY else "RGBA").split()
    return colours[0] if len(colours) == 1 else Image.merge("RGB", colours), alpha


def _convert(image: Image.Image, profile: bytes) -> tuple[Image.Image, list[str]]:
    """Convert an image by its colour profile; one that is damaged or does not fit is ignored with a note."""
    if image.mode == "LAB":  # these colours are absolute
        return image.convert("RGB"), []
    try:
        mode, transform = _transform(profile)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, KeyError, AttributeError):
        return image.convert("RGB"), ["its colour profile is damaged and was ignored"]
    fits = (
        image.mode == mode or (mode == "RGB" and image.mode != "CMYK") or (mode == "L" and image.mode == "1")
    )
    if not fits:
        return image.convert("RGB"), ["its colour profile is for another kind of image and was ignored"]
    if image.mode != mode:
        image = image.convert(mode)
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None
    return converted, []


@lru_cache(maxsize=16)
def _transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform]:
    """The mode of the images that a colour profile is for, and the conversion of their colours to sRGB."""
    if len(profile) > _LARGEST_PROFILE:
        raise ValueError("the profile is too large")
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    mode = _MODES[source.profile.xcolor_space.strip()]
    return mode, ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
