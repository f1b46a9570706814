"""What decoding processes do with an image file: check it, and write it and its view to where a store takes them in."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image as Picture

from annotator.files import require_room, shard_path, write_unsynced
from annotator.imaging.image_files import (
    Header,
    Limits,
    RefusedImageError,
    decode_upright,
    read_bytes,
    read_header,
    read_image,
)
from annotator.store.base import Staged

_SMALL_SIDE = 240
_INCOMING = "incoming"
"""The folder that files are written to: thousands of new files in one folder take half the time of 256 folders."""


@dataclass(frozen=True)
class StoredImage:
    """An image that is in the store once `Stores.finish` has given its files their names.

    Args:
        sha256: the SHA-256 of the file.
        header: its format and size.
        pending: (temporary path, final path) of the files that were written.
        view: the path of the view, if the image file is its own view.
    """

    sha256: str
    header: Header
    pending: tuple[tuple[str, str], ...] = ()
    view: str | None = None

    @property
    def staged(self) -> Staged:
        """What the stores must know of it."""
        return Staged(self.sha256, self.header.extension, self.pending, self.view)


def store_image(images: Path, views: Path, limits: Limits, path: Path) -> StoredImage | str:
    """Copy a file and its view to the stores, unless they are there; return the reason if the file is refused.

    Args:
        images: the folder that takes in image files.
        views: the folder that takes in views.
        limits: files beyond them are refused before they are decoded.
        path: the file.

    Raises:
        FacelabelError: if the store cannot be written.
    """
    try:
        content = read_bytes(path, limits)
        sha256 = hashlib.sha256(content).hexdigest()
        view = shard_path(views, sha256, "jpg")
        if view.exists():
            header = read_header(content, limits)
            if shard_path(images, sha256, header.extension).exists():
                return StoredImage(sha256, header)
        header, rendered = read_image(content, limits)
    except RefusedImageError as refusal:
        return str(refusal)
    require_room(images.parent, len(content) + len(rendered), limits.reserve_bytes)
    image = str(shard_path(images, sha256, header.extension))
    written = (write_unsynced(f"{images}/{_INCOMING}", content), image)
    if rendered == content:
        return StoredImage(sha256, header, (written,), str(view))
    return StoredImage(
        sha256, header, (written, (write_unsynced(f"{views}/{_INCOMING}", rendered), str(view)))
    )


def examine_image(limits: Limits, path: Path) -> StoredImage | str:
    """Return what `store_image` would return for a file, without storing it."""
    try:
        content = read_bytes(path, limits)
        header, _ = read_image(content, limits)
    except RefusedImageError as refusal:
        return str(refusal)
    return StoredImage(hashlib.sha256(content).hexdigest(), header)


def small_jpeg(limits: Limits, path: Path) -> bytes | None:
    """Return a small copy of an image without metadata, at most 240 pixels a side; None if the file is refused."""
    try:
        _, pixels = decode_upright(read_bytes(path, limits), limits)
    except RefusedImageError:
        return None
    pixels.thumbnail((_SMALL_SIDE, _SMALL_SIDE), Picture.Resampling.LANCZOS)
    copy = io.BytesIO()
    pixels.save(copy, "JPEG", quality=80)
    return copy.getvalue()
