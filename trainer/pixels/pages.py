"""Files of several pictures, of which the first or main one is used."""

import io
from collections.abc import Iterator

from PIL import Image, TiffImagePlugin

_MOST_COUNTED = 1000
_SUBFILE_TYPE, _BITS_PER_SAMPLE, _SUB_FILES, _SAMPLE_FORMAT, _DNG_VERSION = 254, 258, 330, 339, 50706
"""Numbers of TIFF's tags."""

_WHOLE_NUMBERS, _FLOATS = 1, 3
"""Values of the tag of the sample format."""

_DEEPEST_COLOUR = 16
"""The bits of each colour that Pillow reads."""

_ANIMATED = {"PNG", "WEBP", "AVIF"}
_REDUCED = 1
"""The bit of a TIFF page's type that says that it is a smaller copy of another one."""


def describe_pages(content: bytes, kind: str, image: Image.Image) -> list[str]:
    """Return a note if a file holds more pictures than the one that was decoded, or no note.

    The further pictures of a JPEG are not told: phones put previews and brightness maps there.
    """
    if kind == "TIFF":
        count = 1 + sum(1 for _ in _further_pages(content))
        most = "more than " if count > _MOST_COUNTED else ""
        return (
            [f"only the first of its {most}{min(count, _MOST_COUNTED):,} pages is used"] if count > 1 else []
        )
    if kind == "GIF":  # asked of the image itself, it would lose its pixels
        with Image.open(io.BytesIO(content), formats=(kind,)) as again:
            moves = bool(getattr(again, "is_animated", False))
    else:
        moves = kind in _ANIMATED and bool(getattr(image, "is_animated", False))
    if moves:
        return ["only the first picture of its animation is used"]
    count = getattr(image, "n_frames", 1) if kind == "HEIF" else 1
    return [f"only the main one of its {count:,} pictures is used"] if count > 1 else []


def is_camera_raw(image: Image.Image) -> bool:
    """Return whether an opened TIFF is a camera's raw file, whose first page is only a preview."""
    tags = getattr(image, "tag_v2", {})
    return _DNG_VERSION in tags or (_SUB_FILES in tags and bool(tags.get(_SUBFILE_TYPE, 0) & _REDUCED))


def describe_tiff(content: bytes) -> str | None:
    """Return what a TIFF is whose samples Pillow does not know, and what to do with it; None if they are usual ones."""
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(content[:8])
        stream = io.BytesIO(content)
        stream.seek(tags.next)
        tags.load(stream)
        bits, kinds = tags.get(_BITS_PER_SAMPLE, (1,)), tags.get(_SAMPLE_FORMAT, (_WHOLE_NUMBERS,))
    except Exception:  # noqa: BLE001 - it may be damaged in any way
        return None
    is_float = _FLOATS in kinds
    if max(bits) in ({32} if is_float else {*range(17), 32}) and (
        len(bits) == 1 or max(bits) <= _DEEPEST_COLOUR
    ):
        return None
    samples = f"{len(bits)} values" if len(bits) > 1 else "one value"
    return (
        f"a TIFF with {samples} of {max(bits)}-bit {'floats' if is_float else 'numbers'} per pixel, which is not read; "
        "save it with 8 or 16 bits per channel"
    )


def _further_pages(content: bytes) -> Iterator[int]:
    """The numbers of a TIFF's pages after the first that are no smaller copies of it, up to a limit."""
    with Image.open(io.BytesIO(content), formats=("TIFF",)) as again:
        for number in range(1, _MOST_COUNTED + 1):
            try:
                again.seek(number)
            except EOFError:
                return
            except Exception:  # noqa: BLE001 - the page cannot be read, but it is there
                yield number
                return
            if not getattr(again, "tag_v2", {}).get(_SUBFILE_TYPE, 0) & _REDUCED:
                yield number
