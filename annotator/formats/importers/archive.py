"""Zip and tar archives that may be hostile, unpacked into a folder within limits, one member after the other.

No member leaves the folder, is a link or a device, or exceeds the limits. The sizes that an archive claims are checked
first, and the bytes that come out of it are counted while they are written.
"""

from __future__ import annotations

import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from annotator.errors import FacelabelError
from annotator.files import cannot_write
from annotator.formats.importers.ignored_files import ARCHIVE_ENDINGS, IgnoredFiles, system_kind
from annotator.imaging.image_kinds import IMAGE_ENDINGS

TAKEN = IMAGE_ENDINGS | {".csv", ".tsv", ".txt", ".json", ".jsonl", ".xml", ".toml", ".parquet", ".arrow"}
"""Members with other endings are ignored. Those without any are unpacked, because their content may be an image."""

_CHUNK = 2**20
_SMALL = 2**20  # bytes up to which any compression ratio is allowed
_LONGEST_NAME, _LONGEST_PART, _DEEPEST = 1000, 255, 30


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may hold.

    Args:
        members: the largest number of members.
        total_bytes: the largest size of all members together.
        member_bytes: the largest size of one member.
        ratio: the largest compression ratio of a member above one mebibyte.
    """

    members: int = 1_000_000
    total_bytes: int = 64 * 2**30
    member_bytes: int = 128 * 2**20
    ratio: int = 200


@dataclass(frozen=True)
class _Member:
    """What an archive says about a member. `kind`: why it is not a plain file, or ""; `packed`: its packed size, None if unknown."""

    name: str
    size: int
    packed: int | None
    kind: str
    open: Callable[[], IO[bytes] | None]


def recognise(path: Path) -> bool:
    """Return whether a file is named like an archive."""
    return path.name.lower().endswith(ARCHIVE_ENDINGS) and not path.is_dir()


def unpack(
    path: Path, folder: Path, limits: ArchiveLimits, check_stop: Callable[[], None] = lambda: None
) -> tuple[list[tuple[str, str]], IgnoredFiles]:
    """Unpack images and possible label files into an empty folder.

    Args:
        path: the archive.
        folder: the folder.
        limits: what the archive may hold.
        check_stop: called before each member; what it raises ends the unpacking.

    Returns:
        The refused members as (name, reason), and the members that were ignored.

    Raises:
        FacelabelError: if it is not an archive, is damaged, or holds more than the limits allow.
    """
    refused: list[tuple[str, str]] = []
    ignored, total = IgnoredFiles(), 0
    used_names: set[str] = set()
    with _errors_named(path):
        for number, member in enumerate(_members(path), start=1):
            check_stop()
            if number > limits.members:
                raise _bad(path, f"it has more than {limits.members:,} members")
            if not _is_wanted(member):
                ignored.add(PurePosixPath(member.name.replace("\\", "/")))
                continue
            reason = _refusal(member, used_names, limits)
            if reason is None:
                used_names.add(member.name.casefold())
                size, reason = _copy(member, folder, limits)
                total += size
            if total > limits.total_bytes:
                raise _bad(path, f"it holds more than {limits.total_bytes // 2**20:,} MiB")
            if reason is not None:
                refused.append((member.name, reason))
    return refused, ignored


def _members(path: Path) -> Iterator[_Member]:
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    # The name as the archive has it: zipfile would cut it at a NUL.
                    name, kind = info.orig_filename, _zip_kind(info)
                    yield _Member(name, info.file_size, info.compress_size, kind, partial(archive.open, info))
        return
    with tarfile.open(path, "r|*") as tar:  # as a stream, so that memory stays bounded
        for entry in tar:
            if not entry.isdir():
                kind = (
                    ""
                    if entry.isreg()
                    else "is a link"
                    if entry.issym() or entry.islnk()
                    else "is not a plain file"
                )
                yield _Member(entry.name, entry.size, None, kind, partial(tar.extractfile, entry))


def _zip_kind(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 1:
        return "is encrypted"
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        return "is a link"
    return "" if stat.S_IFMT(mode) in {0, stat.S_IFREG} else "is not a plain file"


def _is_wanted(member: _Member) -> bool:
    name = PurePosixPath(member.name.replace("\\", "/"))
    if system_kind(name) is not None:
        return False
    return (
        name.suffix.lower() in {*TAKEN, ""}
        or name.name.lower().endswith(ARCHIVE_ENDINGS)
        or bool(member.kind)
    )


def _refusal(member: _Member, used_names: set[str], limits: ArchiveLimits) -> str | None:
    """Why a member is refused before it is opened, or None."""
    reason = member.kind or _bad_name(member.name)
    if reason:
        return reason
    if member.name.casefold() in used_names:
        return "is in the archive twice"
    return _bad_size(member, limits)


def _bad_size(member: _Member, limits: ArchiveLimits) -> str | None:
    if member.size == 0:
        return "is empty"
    if member.size > limits.member_bytes:
        return f"is larger than {limits.member_bytes // 2**20} MiB"
    if member.packed is not None and member.size > max(_SMALL, limits.ratio * member.packed):
        return f"is compressed more than {limits.ratio} times, which only archive bombs are"
    return None


def _bad_name(name: str) -> str:
    """Why a member of this name is refused, or ""."""
    parts = name.split("/")
    if name.lower().endswith(ARCHIVE_ENDINGS):
        return "is an archive inside the archive; unpack it and import it on its own"
    if name.startswith("/") or "\\" in name or re.match("[A-Za-z]:", name) or ".." in parts:
        return "has a path that leaves the archive"
    if not name.isprintable():
        return "has a name with control characters"
    longest = max(len(part.encode(errors="replace")) for part in parts)
    if len(name) > _LONGEST_NAME or longest > _LONGEST_PART or len(parts) > _DEEPEST:
        return "has too long a name"
    return ""


def _copy(member: _Member, folder: Path, limits: ArchiveLimits) -> tuple[int, str | None]:
    """Write a member and count its bytes; return its size, and why it was refused or None."""
    target = folder / member.name
    allowed = limits.member_bytes
    if member.packed is not None:
        allowed = min(allowed, max(_SMALL, limits.ratio * member.packed))
    size = 0
    try:
        source = member.open()
    except (OSError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile) as error:
        return 0, f"cannot be unpacked ({error})"
    if source is None:
        return 0, "is not a plain file"
    with source:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                while chunk := _read(source):
                    size += len(chunk)
                    if size > allowed:
                        break
                    file.write(chunk)
        except (NotADirectoryError, FileExistsError):
            return size, "has the name of another member"
        except _DamagedMemberError as error:
            target.unlink(missing_ok=True)
            return size, f"is damaged ({error})"
        except OSError as error:
            target.unlink(missing_ok=True)
            raise cannot_write(target, error) from error
    if size > allowed:
        target.unlink(missing_ok=True)
        return size, "is larger than the archive says, which only archive bombs are"
    return size, None


class _DamagedMemberError(Exception):
    """The bytes of a member cannot be unpacked."""


def _read(source: IO[bytes]) -> bytes:
    try:
        return source.read(_CHUNK)
    except (
        OSError,
        ValueError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        tarfile.TarError,
    ) as error:
        raise _DamagedMemberError(str(error)) from error


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zipfile.LargeZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError,
            OSError, ValueError, NotImplementedError) as error:  # fmt: skip
        raise _bad(path, str(error) or type(error).__name__) from error


def _bad(path: Path, what: str) -> FacelabelError:
    return FacelabelError(
        "bad_archive",
        f"{path} cannot be unpacked: {what}.",
        do="Download it again, or unpack it and import the folder.",
    )
