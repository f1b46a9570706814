"""Tiles and thumbnails: parts of the original images for the browser, made on demand and kept in the project's cache.

A tile's name holds the SHA-256 of its image and the part that it shows, so it never changes, and another face of the image
has other names. Separate processes decode the images, because a hostile or huge file must not stop the web server.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Row, select

from annotator.domain.faces.boxes import Box
from annotator.domain.faces.crops import Crop, turned_size
from annotator.errors import Busy, FacelabelError, NotFound
from annotator.files import shard_path, write_atomically
from annotator.imaging.decoder_pool import Limited, decoding_pool
from annotator.imaging.image_files import MIN_SIDE, VIEW_SIDE, Limits, RefusedImageError
from annotator.imaging.tiles import cut_tile
from annotator.models import Image
from annotator.project import ProjectFolder

TILE_SIDE = 1600
"""Pixels of a tile's longer side at most."""

THUMBNAIL_SIDE = 480
"""Pixels of a thumbnail's longer side: two of them side by side fill the people page."""

_PROCESSES = 2
_LARGE_PIXELS = 32_000_000
"""Images with more pixels are decoded one at a time, so that the memory does not add up."""
_SECONDS = 60.0
"""After how long a request gives up; the tile is kept when it is done."""
_KEPT_SHARE = 0.8
"""What remains of the allowed bytes when old tiles are removed."""
_UNSEEN_SHARE = 0.05
"""After so many of the allowed bytes a process counts all tiles again, because other processes write them too."""
_NAME = re.compile(r"(\d{1,6})-(\d{1,6})-(\d{1,6})-(\d{1,6})-(0|90|180|270)-(\d{1,4})")
_log = logging.getLogger("facelabel")


def tile_name(crop: Crop, side: int) -> str:
    """The name of a tile: left, top, right, bottom, turn, longer side."""
    return "-".join(map(str, (*crop.box, crop.turn, side)))


def parse_tile(name: str) -> tuple[Crop, int] | None:
    """The crop and the longer side of a tile's name; None for any other text."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    left, top, right, bottom, turn, side = map(int, found.groups())
    return (Crop(Box(left, top, right, bottom), turn), side) if 1 <= side <= TILE_SIDE else None


class TileStore:
    """Makes tiles and keeps them. Threads may share it.

    Args:
        project: the project.
        limits: image files beyond them are not decoded.
        max_bytes: how many bytes of tiles are kept.
        waiting: how many requests may wait for a decoder; further ones are refused, so that answers are always taken.
    """

    def __init__(self, project: ProjectFolder, limits: Limits, max_bytes: int, waiting: int) -> None:
        self._project = project
        self._limits = limits
        self._folder = project.cache / "tiles"
        self._max_bytes = max_bytes
        self._waiting = threading.BoundedSemaphore(waiting)
        self._large = threading.Lock()
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._making: dict[Path, Future[bytes]] = {}
        self._bytes: int | None = None  # of the kept tiles; unknown until the first one is kept
        self._recount_at = 0.0

    def read(self, sha256: str, crop: Crop, side: int) -> bytes:
        """Return a tile as a JPEG, made now unless it is kept.

        Args:
            sha256: of the image file.
            crop: the part of the image.
            side: pixels of the tile's longer side; the tile is smaller if the crop is.

        Raises:
            NotFound: if there is no such image, the crop is not within it, or its file cannot be read.
            Busy: if too many requests wait for a decoder.
        """
        path = shard_path(self._folder, sha256, f"{tile_name(crop, side)}.jpg")
        try:
            tile = path.read_bytes()
            os.utime(path)
        except OSError:
            return self._make(path, sha256, crop, side)
        return tile

    def close(self) -> None:
        """End the decoders."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(cancel_futures=True)

    def _make(self, path: Path, sha256: str, crop: Crop, side: int) -> bytes:
        image = self._image(sha256, crop)
        with self._turn(image.width * image.height), self._source(sha256, image, crop, side) as source:
            try:
                tile = self._submit(path, source, image, crop, side).result(_SECONDS)
            except RefusedImageError as refusal:
                raise NotFound(
                    "no_original", f"The file of {image.name} {refusal}.", do=_RESTORE
                ) from refusal
            except BrokenProcessPool as error:
                self.close()
                raise Busy(
                    "decoder_ended", f"The decoder of {image.name} ended.", do="Try again in a moment."
                ) from error
            except TimeoutError as error:
                raise Busy(
                    "decoding", f"{image.name} is being decoded.", do="Try again in a moment."
                ) from error
        self._keep(path, tile)
        return tile

    def _image(self, sha256: str, crop: Crop) -> Row[str, str, int, int]:
        query = select(Image.name, Image.extension, Image.width, Image.height).where(Image.sha256 == sha256)
        with self._project.database.read() as session:
            image = session.execute(query).one_or_none()
        if image is None:
            raise NotFound("unknown_image", "There is no such image.", do="Ask for the next task.")
        left, top, right, bottom = crop.box
        width, height = turned_size(image.width, image.height, crop.turn)
        if not (right <= width and bottom <= height and min(right - left, bottom - top) >= MIN_SIDE):
            raise NotFound("unknown_part", f"{image.name} has no such part.", do="Ask for the next task.")
        return image

    @contextmanager
    def _turn(self, pixels: int) -> Iterator[None]:
        """Wait with a few others for a decoder."""
        if not self._waiting.acquire(blocking=False):
            raise Busy("many_tiles", "The server is making other images ready.", do="Try again in a moment.")
        try:
            if pixels <= _LARGE_PIXELS:
                yield
            else:
                with self._large:
                    yield
        finally:
            self._waiting.release()

    def _source(
        self, sha256: str, image: Row[str, str, int, int], crop: Crop, side: int
    ) -> AbstractContextManager[Path]:
        """The file that the tile is cut from: the view if that has enough pixels, else the original."""
        shown = max(crop.box.width, crop.box.height) * min(1.0, VIEW_SIDE / max(image.width, image.height))
        if shown >= side:
            return self._project.stores.views.local_path(sha256, "jpg")
        return self._project.stores.images.local_path(sha256, image.extension)

    def _submit(
        self, path: Path, source: Path, image: Row[str, str, int, int], crop: Crop, side: int
    ) -> Future[bytes]:
        """The tile in the making; requests for the same tile share it."""
        size = image.width, image.height
        with self._lock:
            making = self._making.get(path)
            if making is None:
                if self._pool is None:
                    self._pool = decoding_pool(cut_tile.__module__, _PROCESSES)
                making = self._pool.submit(
                    Limited(cut_tile, self._limits.max_pixels), source, self._limits, size, crop, side
                )
                self._making[path] = making
                making.add_done_callback(lambda _: self._making.pop(path, None))
        return making

    def _keep(self, path: Path, tile: bytes) -> None:
        if len(tile) > self._max_bytes * _KEPT_SHARE:
            return
        try:
            write_atomically(path, tile)
            with self._project.database.read() as session:
                is_left = session.scalar(select(Image.id).where(Image.sha256 == path.name[:64]))
            if is_left is None:  # the image was erased while the tile was made
                path.unlink(missing_ok=True)
                return
        except FacelabelError as error:  # a full disk only means that the tile is made again
            _log.warning("a tile is not kept: %s", error.what)
            return
        with self._lock:
            self._bytes = self._bytes + len(tile) if self._bytes is not None else self._max_bytes + 1
            if self._bytes > min(self._max_bytes, self._recount_at):
                self._bytes = _remove_oldest(self._folder, self._max_bytes)
                self._recount_at = self._bytes + _UNSEEN_SHARE * self._max_bytes


_RESTORE = "Restore the file from a backup, or import the image again."


def _remove_oldest(folder: Path, max_bytes: int) -> int:
    """Remove the tiles that were not used for longest if all take more than `max_bytes`; return the bytes that are left."""
    tiles = []
    for path in folder.glob("*/*"):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue  # another process removed it
        tiles.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in tiles)
    if total <= max_bytes:
        return total
    for _, size, path in sorted(tiles):
        if total <= max_bytes * _KEPT_SHARE:
            break
        path.unlink(missing_ok=True)
        total -= size
    return total
