"""What is read of an archive before its members: within limits of memory, because a small file may ask for a lot of it.

zipfile reads the whole directory of an archive at once and makes an object for each entry. The xz format lets a file choose how
much memory its decoder takes, up to 4 GiB.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol, cast

MAX_MEMBERS = 1_000_000
_MAX_DIRECTORY = 256 * 2**20
"""Bytes of a zip archive's directory: names and comments of 200 bytes for the largest number of members."""
_ENTRY, _ENTRY_BYTES = b"PK\1\2", 46
"""How an entry of the directory begins, and its bytes without a name."""
_XZ_MEMORY = 256 * 2**20
"""Bytes that unpacking xz may take; `xz -9` needs 65 MiB."""
_MAX_UNPACKED = 256 * 2**30
"""Bytes that come out of a tar archive at most, also of members that are left out."""
_PACKED = 2**16


class _Source(Protocol):
    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, and b"" at the end."""


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive whose directory takes little memory.

    Raises:
        zipfile.BadZipFile: if it is none, or its directory is too long or lists too many members.
        OSError: if it cannot be read.
    """
    with _ZipBytes(path.open("rb", buffering=0)) as file, zipfile.ZipFile(file) as archive:
        yield archive


class _ZipBytes(io.BufferedReader):
    """The bytes of a zip archive. zipfile reads the directory at once; all that it reads otherwise is short."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as a file does, but no directory that is too large."""
        size = -1 if size is None else size
        if size > _MAX_DIRECTORY:
            raise zipfile.BadZipFile(f"its list of members is longer than {_MAX_DIRECTORY // 2**20} MiB")
        content = super().read(size)
        if len(content) > _ENTRY_BYTES * MAX_MEMBERS and content.count(_ENTRY) > MAX_MEMBERS:
            raise zipfile.BadZipFile(f"it has more than {MAX_MEMBERS:,} members")
        return content


@contextmanager
def open_tar(path: Path, **options: Any) -> Iterator[tarfile.TarFile]:
    """Open a tar archive, packed or not, as a stream that takes little memory and ends at a limit.

    Args:
        path: the archive.
        options: those of `tarfile.open`.

    Raises:
        tarfile.ReadError: if it needs more memory than is allowed, or holds more bytes.
        OSError, EOFError, lzma.LZMAError: if it is damaged.
    """
    with (
        _opened(path) as source,
        tarfile.open(fileobj=cast("IO[bytes]", _Counted(source)), mode="r|", **options) as tar,
    ):
        yield tar


@contextmanager
def _opened(path: Path) -> Iterator[_Source]:
    with path.open("rb") as file:
        head = file.read(6)
        file.seek(0)
        if head.startswith(b"\x1f\x8b"):
            yield cast("_Source", gzip.GzipFile(fileobj=file))
        elif head.startswith(b"BZh"):
            yield cast("_Source", bz2.BZ2File(file))
        elif head.startswith((b"\xfd7zXZ\x00", b"\x5d\x00\x00")):
            yield _XzSource(file)
        else:
            yield file


class _Counted:
    """Ends a stream that is too long."""

    def __init__(self, source: _Source) -> None:
        self._source, self._left = source, _MAX_UNPACKED

    def read(self, size: int) -> bytes:
        content = self._source.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise tarfile.ReadError(f"it holds more than {_MAX_UNPACKED // 2**30} GiB")
        return content


class _XzSource:
    """Unpacks xz, and the older lzma format, within a limit of memory, which the library's own file has not."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._decoder = file, _decoder()

    def read(self, size: int) -> bytes:
        while True:
            packed = b""
            if self._decoder.eof:  # an archive may consist of several streams, with padding between them
                packed = (self._decoder.unused_data or self._file.read(_PACKED)).lstrip(b"\0")
                if not packed:
                    return b""
                self._decoder = _decoder()
            elif self._decoder.needs_input:
                packed = self._file.read(_PACKED)
                if not packed:
                    raise EOFError("it ends too early")
            try:
                content = self._decoder.decompress(packed, size)
            except lzma.LZMAError as error:
                if "memory" in str(error).lower():
                    reason = f"it needs more than {_XZ_MEMORY // 2**20} MiB of memory to unpack"
                    raise tarfile.ReadError(reason) from error
                raise
            if content:
                return content


def _decoder() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
