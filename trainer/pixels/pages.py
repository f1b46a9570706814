"""Files of several pictures, of which the first or main one is used."""

import io
from collections.abc import Iterator

from PIL import Image

_MOST_COUNTED = 1000
_SUBFILE_TYPE, _SUB_FILES, _DNG_VERSION = 254, 330, 50706
"""Numbers of TIFF's tags."""

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
