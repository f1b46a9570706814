"""The members of zip and tar archives, with their names as bytes where the archive does not say their encoding."""

from __future__ import annotations

import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from annotator.formats.importers.archives.bounded import open_tar, open_zip

_ZIP_STARTS = (b"PK\3\4", b"PK\5\6", b"PK\7\x08")
_UTF8_FLAG, _ENCRYPTED_FLAG = 0x800, 0x1
_UNICODE_PATH = 0x7075  # the extra field of Info-ZIP with the name in UTF-8


@dataclass(frozen=True)
class Member:
    """What an archive says about a member that is not a folder.

    Args:
        name: its name; bytes if they are not ASCII and the archive does not say their encoding.
        size: its size in bytes.
        packed: its packed size in bytes; None if the archive does not say it.
        kind: why it is not a plain file, as a clause; "" if it is one.
        open: opens it for reading.
    """

    name: str | bytes
    size: int
    packed: int | None
    kind: str
    open: Callable[[], IO[bytes] | None]


def is_zip(path: Path) -> bool:
    """Return whether a file begins like a zip archive, or is named like one and ends like one: it may follow a program."""
    with path.open("rb") as file:
        begins = file.read(4) in _ZIP_STARTS
    return begins or (path.suffix.lower() == ".zip" and zipfile.is_zipfile(path))


def read_members(path: Path) -> Iterator[Member]:
    """Yield the members of a zip or tar archive in their order; folders are left out."""
    return _zip_members(path) if is_zip(path) else _tar_members(path)


def undeclared_names(path: Path) -> list[bytes]:
    """Return the names whose encoding a zip archive does not say; [] for a tar archive, whose names are not in one place."""
    if not is_zip(path):
        return []
    return [member.name for member in _zip_members(path) if isinstance(member.name, bytes)]


def _zip_members(path: Path) -> Iterator[Member]:
    with open_zip(path) as archive:
        for info in archive.infolist():
            name = _zip_name(info)
            is_folder = name.endswith(("/", "\\")) if isinstance(name, str) else name.endswith(b"/")
            if not is_folder:
                opens = partial(archive.open, info)
                yield Member(name, info.file_size, info.compress_size, _zip_kind(info), opens)


def _zip_name(info: zipfile.ZipInfo) -> str | bytes:
    """The name as the archive has it: zipfile would cut it at a NUL, and takes an undeclared encoding for code page 437."""
    if info.flag_bits & _UTF8_FLAG or info.orig_filename.isascii():
        return info.orig_filename
    raw = info.orig_filename.encode("cp437")
    return _unicode_path(info.extra, raw) or raw


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """The name in the extra field of Info-ZIP, if the field is valid and belongs to this name."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        content, extra = extra[4 : 4 + size], extra[4 + size :]
        if (
            kind == _UNICODE_PATH
            and content[:1] == b"\1"
            and content[1:5] == struct.pack("<I", zlib.crc32(raw))
        ):
            try:
                return content[5:].decode()
            except UnicodeDecodeError:
                return None
    return None


def _zip_kind(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & _ENCRYPTED_FLAG:
        return "is encrypted"
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        return "is a link"
    return "" if stat.S_IFMT(mode) in {0, stat.S_IFREG} else "is not a plain file"


_LONG_HEADERS = {
    tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
}  # fmt: skip
_MAX_HEADER = 2**20


class _BoundedInfo(tarfile.TarInfo):
    """A member whose long names and attributes are small: tarfile reads them into memory, whatever size they claim."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo | None:
        if self.type in _LONG_HEADERS and self.size > _MAX_HEADER:
            raise tarfile.ReadError(f"a name or a header is longer than {_MAX_HEADER // 2**20} MiB")
        if self.type == tarfile.XGLTYPE and sum(map(len, tar.pax_headers.values())) > _MAX_HEADER:
            raise tarfile.ReadError(f"its headers are longer than {_MAX_HEADER // 2**20} MiB together")
        member: tarfile.TarInfo | None = super()._proc_member(tar)  # type: ignore[misc]  # tarfile's hook for kinds of members
        return member


def _tar_members(path: Path) -> Iterator[Member]:
    # Names that are not UTF-8 keep their bytes as surrogates. As a stream that forgets its members, memory stays bounded.
    options: Any = {"encoding": "utf-8", "errors": "surrogateescape", "tarinfo": _BoundedInfo}
    with open_tar(path, **options) as tar:
        while (entry := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined]
            if not entry.isdir():
                raw = entry.name.encode("utf-8", "surrogateescape")
                name = entry.name if raw.decode("utf-8", "replace") == entry.name else raw
                yield Member(name, entry.size, None, _tar_kind(entry), partial(tar.extractfile, entry))


def _tar_kind(entry: tarfile.TarInfo) -> str:
    if entry.isreg():
        return ""
    return "is a link" if entry.issym() or entry.islnk() else "is not a plain file"
