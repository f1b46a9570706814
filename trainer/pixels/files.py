"""Reading image files, some of which may have to be fetched to this machine first."""

import hashlib
from collections.abc import Callable
from pathlib import Path

_TRIES = 3
_fetch: list[Callable[[Path], None]] = []


def fetch_missing(fetch: Callable[[Path], None] | None) -> None:
    """Let this process, and those forked from it, fetch image files that are not on this machine.

    Args:
        fetch: Is called with the path of a missing file, and puts it there if there is such a file; None for nothing.
    """
    _fetch[:] = [fetch] if fetch else []


def read_image_file(path: Path) -> bytes:
    """Return the bytes of an image file.

    Raises:
        OSError: It is missing or cannot be read.
    """
    for fetch in _fetch * _TRIES:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            fetch(path)  # the file may leave again before it is read, when others need the room
    return path.read_bytes()


def image_file_hash(path: Path) -> str:
    """Return the sha256 of an image file's bytes as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(read_image_file(path)).hexdigest()
