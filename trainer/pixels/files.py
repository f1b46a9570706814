"""Reading image files, some of which may have to be fetched to this machine first."""

import hashlib
import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

FETCH_SOCKET = "FACELABEL_FETCH_SOCKET"
"""The variable with the path of a socket at which another process of this machine fetches missing image files."""
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
    for fetch in _fetchers() * _TRIES:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            fetch(path)  # the file may leave again before it is read, when others need the room
    return path.read_bytes()


def _fetchers() -> list[Callable[[Path], None]]:
    address = os.environ.get(FETCH_SOCKET)
    return [partial(_ask_to_fetch, address)] if address and not _fetch else _fetch


def _ask_to_fetch(address: str, path: Path) -> None:
    """Let the process that listens at a socket fetch a file: a line with its name, answered by a line that says what went wrong.

    Raises:
        OSError: The file could not be looked for.
    """
    with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rwb") as stream:
        connection.connect(address)
        stream.write(f"{path.name}\n".encode())
        stream.flush()
        answer = stream.readline().decode()
    if answer != "\n":
        raise OSError(answer.rstrip() or "the process that fetches image files has ended")


def image_file_hash(path: Path) -> str:
    """Return the sha256 of an image file's bytes as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(read_image_file(path)).hexdigest()
