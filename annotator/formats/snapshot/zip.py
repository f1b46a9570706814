"""A folder as one zip file that is made while it is read: the same files give the same bytes."""

from __future__ import annotations

import io
from collections.abc import Generator
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

_CHUNK = 2**18
_NARROW = 2**31 - 1  # from here on, zipfile writes 64 bits
_NO_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can hold


class _Sink:
    """The file that ZipFile writes to. It cannot seek, so that pieces can be sent at once."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing: every piece is available at once."""

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


class ZippedFolder(io.RawIOBase):
    """A zip file of a folder, in which the folder is called `name`; read it like a file that is on the disk.

    Files are stored uncompressed, because compressors differ between machines, so the size is known in advance. A web server can
    therefore send it like a file, whenever the client reads, and no thread waits for a slow one. Only the last bytes that were
    read can be read again.

    Args:
        folder: the folder. Its files must not change meanwhile.
        name: its name in the zip file.
    """

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__()
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        self._entries = [(path, f"{name}/{path.relative_to(folder).as_posix()}") for path in paths]
        self.size = _zip_size([(entry, path.stat().st_size) for path, entry in self._entries])
        self._chunks = self._write()
        self._kept, self._start, self._at = b"", 0, 0

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be told its size, and be put back to where the last `read` began."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a position, which counts when something is read."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        return self._at

    def read(self, count: int = -1, /) -> bytes:
        """Read bytes; what lies before them is forgotten.

        Raises:
            io.UnsupportedOperation: if the position lies before what was read last.
        """
        if self._at < self._start:
            raise io.UnsupportedOperation("what was read before is gone")
        end = self.size if count < 0 else min(self._at + count, self.size)
        pieces = [self._kept]
        reached = self._start + len(self._kept)
        while reached < end and (chunk := next(self._chunks, b"")):
            pieces.append(chunk)
            reached += len(chunk)
        self._kept = b"".join(pieces)[self._at - self._start :]
        self._start = self._at
        self._at = max(self._at, min(end, reached))
        return self._kept[: self._at - self._start]

    def close(self) -> None:
        """Close the file that is being read."""
        self._chunks.close()
        super().close()

    def _write(self) -> Generator[bytes]:
        sink = _Sink()
        with ZipFile(sink, "w", ZIP_STORED) as archive:  # type: ignore[call-overload]  # ZipFile does not seek here
            for path, entry in self._entries:
                with (
                    archive.open(ZipInfo(entry, _NO_TIME), "w", force_zip64=True) as member,
                    path.open("rb") as file,
                ):
                    while chunk := file.read(_CHUNK):
                        member.write(chunk)
                        yield sink.take()
        yield sink.take()


def _zip_size(entries: list[tuple[str, int]]) -> int:
    """Return the size of a zip file of stored files, by APPNOTE 4.3, from their names and sizes.

    Each has a header and a central record with its name, fields of 64 bits in the header, and a descriptor after its bytes.
    """
    position = central = 0
    for name, size in entries:
        length = len(name.encode())
        wide = 2 * (size > _NARROW) + (position > _NARROW)
        central += 46 + length + (4 + 8 * wide if wide else 0)
        position += 30 + length + 20 + size + 24
    is_wide = len(entries) > 0xFFFF or position > _NARROW or central > _NARROW
    return position + central + 22 + (56 + 20 if is_wide else 0)
