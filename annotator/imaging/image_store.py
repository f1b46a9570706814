"""The project's image files, addressed by content, and the processes that decode and store them."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import threading
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from annotator.files import link_into, rename_into, shard_path, sync_disk, write_unsynced
from annotator.imaging.decoder_pool import decoding_context
from annotator.imaging.image_files import (
    Header,
    Limits,
    RefusedImageError,
    read_bytes,
    read_header,
    read_image,
)

_INCOMING = "incoming"
"""Where files are written: thousands of new ones in one folder cost the disk half of what they cost in 256."""


@dataclass(frozen=True)
class StoredImage:
    """An image that is in the store, once `finish` has given its files their names.

    Args:
        sha256: of the file.
        header: what the file says of itself.
        pending: the temporary and the own name of files that were written.
        view: the name of the view, if the file itself is that.
    """

    sha256: str
    header: Header
    pending: tuple[tuple[str, str], ...] = ()
    view: str | None = None


def store_image(images: Path, views: Path, limits: Limits, path: Path) -> StoredImage | str:
    """Copy one file into the store, with its view, unless it is there; returns the reason if it is refused.

    Args:
        images: the root of the image files.
        views: the root of what the browser shows.
        limits: what is refused before it is decoded.
        path: the file.
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
    image = str(shard_path(images, sha256, header.extension))
    written = (write_unsynced(f"{images}/{_INCOMING}", content), image)
    if rendered == content:
        return StoredImage(sha256, header, (written,), str(view))
    return StoredImage(
        sha256, header, (written, (write_unsynced(f"{views}/{_INCOMING}", rendered), str(view)))
    )


def finish(root: Path, stored: Iterable[StoredImage]) -> None:
    """Give stored files their names, durably: a file never has its name before its bytes are on the disk.

    Two calls to the disk for a whole batch, where a call for every file and folder would cost most of an import's time.
    """
    new = [image for image in stored if image.pending]
    if not new:
        return
    sync_disk(root)
    for image in new:
        for temporary, path in image.pending:
            rename_into(path, temporary)
        if image.view is not None:
            link_into(image.view, image.pending[0][1])
    sync_disk(root)


def examine_image(limits: Limits, path: Path) -> StoredImage | str:
    """What `store_image` would give for a file, without storing it."""
    try:
        content = read_bytes(path, limits)
        header, _ = read_image(content, limits)
    except RefusedImageError as refusal:
        return str(refusal)
    return StoredImage(hashlib.sha256(content).hexdigest(), header)


def clean_up(root: Path) -> None:
    """Remove what a killed import left unfinished below the root of a store; no other import may run."""
    for left in root.glob("*/.*.tmp"):
        left.unlink(missing_ok=True)


def decoding_pool() -> ProcessPoolExecutor:
    """A process per core; a decoder that is killed by a hostile file does not take the import with it."""
    return ProcessPoolExecutor(
        max_workers=os.cpu_count() or 1,
        mp_context=decoding_context(__name__),
        initializer=end_with_parent,
    )


def end_with_parent() -> None:
    """A decoding process does not outlive an import that was killed."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
