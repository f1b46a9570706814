"""Copies of files on this machine's disk, which together take a bounded number of bytes; processes may share them."""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LEFT_SHARE = 0.9
"""The share of the bytes that stay when files leave: with each new file the whole folder would be read otherwise."""
_INCOMING = ".incoming"
_turns = [threading.Lock() for _ in range(64)]
"""Threads of this process that want the same file wait for each other, so that it is fetched once."""


class FileCache:
    """Files by their names, such as images/ab/abcd….jpg. The ones that were not used for longest leave first.

    A reader holds a shared lock on the file that it reads, and a file that is locked never leaves. The locks and the number
    of bytes are files, so that all processes of this machine agree, and a killed one leaves nothing locked.

    Args:
        folder: the folder of the files.
        max_bytes: how many bytes the files may take, except while more than that is being read.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self._max_bytes = max_bytes

    @contextmanager
    def hold(self, name: str, fetch: Callable[[Path], bool]) -> Iterator[Path]:
        """Give the path of a file, which stays there until the end of the context.

        Args:
            name: the file's name.
            fetch: writes the file to a path if it is not here; returns whether there is such a file.
        """
        path = self.folder / name
        descriptor = _lock(path)
        if descriptor is None:
            with _turns[hash(name) % len(_turns)]:
                descriptor = _lock(path)
                if descriptor is None:
                    descriptor = self._fetch(name, fetch)
        try:
            if descriptor is not None:
                os.utime(descriptor)
            yield path
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def add(self, name: str, file: Path) -> None:
        """Move a whole file of the same disk here."""
        descriptor = _lock(file)
        if descriptor is None:
            return  # another import has moved it
        try:
            self._name(name, file)
        finally:
            os.close(descriptor)

    def remove(self, name: str) -> None:
        """Remove a file; those who read it keep it until they close it."""
        with self._bytes() as total:
            path = self.folder / name
            with suppress(FileNotFoundError):
                size = path.stat().st_size
                path.unlink()
                total.bytes -= size

    def clean_up(self) -> None:
        """Remove what killed processes had begun to fetch."""
        for leftover in (self.folder / _INCOMING).glob("*"):
            _remove_unused(leftover)

    def _fetch(self, name: str, fetch: Callable[[Path], bool]) -> int | None:
        """Fetch a file and return its locked descriptor; None if there is no such file."""
        incoming = self.folder / _INCOMING
        incoming.mkdir(parents=True, exist_ok=True)
        temporary = incoming / secrets.token_hex(8)
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        try:
            if fetch(temporary):
                self._name(name, temporary)
                return descriptor
        except BaseException:
            os.close(descriptor)
            temporary.unlink(missing_ok=True)
            raise
        os.close(descriptor)
        temporary.unlink(missing_ok=True)
        return None

    def _name(self, name: str, file: Path) -> None:
        """Give a file its name, after others have left for it."""
        path, size = self.folder / name, file.stat().st_size
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._bytes() as total:
            with suppress(FileNotFoundError):
                total.bytes -= path.stat().st_size
            if total.bytes + size > self._max_bytes:
                total.bytes = self._make_room(size)
            file.replace(path)
            total.bytes += size

    def _make_room(self, size: int) -> int:
        """Remove files until `size` more bytes have room; return the bytes that are left."""
        files = []
        for place in self.folder.glob("[!.]*/??/*"):
            with suppress(FileNotFoundError):
                status = place.stat()
                files.append((status.st_mtime_ns, status.st_size, place))
        total = sum(length for _, length, _ in files)
        for _, length, place in sorted(files):
            if total + size <= self._max_bytes * _LEFT_SHARE:
                break
            if _remove_unused(place):
                total -= length
        return total

    @contextmanager
    def _bytes(self) -> Iterator[_Total]:
        """The bytes of all files, which only one process changes at a time; counted if a killed process left none."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "bytes", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            written = os.pread(descriptor, 32, 0)
            total = _Total(int(written) if written.isdigit() else self._make_room(0))
            os.ftruncate(descriptor, 0)  # a process that is killed before it writes leaves no wrong number
            yield total
            os.pwrite(descriptor, b"%d" % max(0, total.bytes), 0)
        finally:
            os.close(descriptor)


class _Total:
    """The bytes of all files."""

    def __init__(self, count: int) -> None:
        self.bytes = count


def _lock(path: Path) -> int | None:
    """Open a file so that it does not leave before the descriptor is closed; None if it is not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    if os.fstat(descriptor).st_nlink:
        return descriptor
    os.close(descriptor)  # it left between the two calls
    return None


def _remove_unused(path: Path) -> bool:
    """Remove a file unless somebody holds it; return whether it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
