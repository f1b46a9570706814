"""A folder as one zip file that is made while it is sent: the same files give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

_CHUNK = 2**18
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


def zip_chunks(folder: Path, name: str) -> Iterator[bytes]:
    """Yield the bytes of a zip file of a folder, in which the folder is called `name`.

    Files are stored uncompressed, because compressors differ between machines.
    """
    sink = _Sink()
    with ZipFile(sink, "w", ZIP_STORED) as archive:  # type: ignore[call-overload]  # ZipFile does not seek here
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = ZipInfo(f"{name}/{path.relative_to(folder).as_posix()}", _NO_TIME)
            with archive.open(entry, "w", force_zip64=True) as member, path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    member.write(chunk)
                    yield sink.take()
    yield sink.take()
