"""Zip and tar archives that may be hostile, unpacked into a folder within limits, one member after the other.

No member leaves the folder, is a link or a device, or exceeds the limits. The sizes that an archive claims are checked
first, and the bytes that come out of it are counted while they are written.
"""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from annotator.errors import FacelabelError
from annotator.files import cannot_write, require_room
from annotator.formats.importers.archives.bounded import MAX_MEMBERS
from annotator.formats.importers.archives.members import Member, read_members, undeclared_names
from annotator.formats.importers.archives.names import (
    NameDecoder,
    bad_name,
    is_archive_name,
    posix_name,
    same_anywhere,
)
from annotator.formats.importers.ignored_files import ARCHIVE_ENDINGS, IgnoredFiles, system_kind
from annotator.imaging.image_kinds import HEAD_BYTES, IMAGE_ENDINGS, sniff_image

_LABEL_ENDINGS = [
    ".csv",
    ".tsv",
    ".tab",
    ".csv.gz",
    ".tsv.gz",
    ".txt",
    ".json",
    ".jsonl",
    ".xml",
    ".toml",
    ".parquet",
    ".arrow",
    ".xlsx",
    ".xlsm",
    ".xls",
    ".ods",
]
TAKEN = (*IMAGE_ENDINGS, *_LABEL_ENDINGS)
"""Endings of members that are unpacked. Others are ignored unless their first bytes are those of an image."""

_NO_TAR = {
    "invalid header",
    "empty header",
    "truncated header",
    "bad checksum",
    "empty file",
    "unexpected end of data",
}
_CHUNK = 2**20
_SMALL = 2**20  # bytes up to which any compression ratio is allowed


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may hold.

    Args:
        members: the largest number of members.
        total_bytes: the largest size of all members together.
        member_bytes: the largest size of one member.
        ratio: the largest compression ratio of a member above one mebibyte.
        reserve_bytes: the free disk space that is left, see `annotator.files.free_bytes`.
    """

    members: int = MAX_MEMBERS
    total_bytes: int = 64 * 2**30
    member_bytes: int = 128 * 2**20
    ratio: int = 200
    reserve_bytes: int = 0


@dataclass
class Unpacked:
    """What became of the members of an archive.

    Args:
        refused: the refused members as (name, reason).
        ignored: the members that are neither images nor possible label files.
        notes: what the user should know about their names, in whole sentences.
        renamed: the names of members that have another name on the disk, by `same_anywhere` of their path there.
    """

    refused: list[tuple[str, str]] = field(default_factory=list)
    ignored: IgnoredFiles = field(default_factory=IgnoredFiles)
    notes: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)


def recognise(path: Path) -> bool:
    """Return whether a file is named like an archive."""
    return path.name.lower().endswith(ARCHIVE_ENDINGS) and not path.is_dir()


def unpack(
    path: Path,
    folder: Path,
    limits: ArchiveLimits,
    check_stop: Callable[[], None] = lambda: None,
    names_encoding: str = "auto",
) -> Unpacked:
    """Unpack images and possible label files into an empty folder.

    Args:
        path: the archive.
        folder: the folder.
        limits: what the archive may hold.
        check_stop: called before each member; what it raises ends the unpacking.
        names_encoding: the encoding of names that do not say theirs, one of `archives.names.NAME_ENCODINGS`.

    Raises:
        FacelabelError: if it is not an archive, is damaged, or holds more than the limits allow.
    """
    decoder = NameDecoder(names_encoding)
    extraction = Extraction(path, folder, limits, is_case_sensitive=_is_case_sensitive(folder))
    with _errors_named(path):
        decoder.decide(undeclared_names(path))
        undecided: set[bytes] = set()
        for number, member in enumerate(read_members(path), start=1):
            check_stop()
            if number > limits.members:
                raise _bad(path, f"it has more than {limits.members:,} members")
            name = decoder.decode(member.name)
            if name is not None:
                extraction.take(number, name, member)
            elif isinstance(member.name, bytes):
                undecided.add(member.name)
        if undecided:  # a tar archive, whose names are all known only now
            decoder.decide(undecided)
            for number, member in enumerate(read_members(path), start=1):
                check_stop()
                if member.name in undecided:
                    extraction.take(number, decoder.decode(member.name) or "", member)
    if decoder.note:
        extraction.result.notes.append(decoder.note)
    return extraction.result


class Extraction:
    """Writes the wanted members of an archive into a folder.

    Args:
        path: the archive, for errors.
        folder: the folder.
        limits: what the archive may hold.
        is_case_sensitive: whether the folder's file system can hold both A.jpg and a.jpg. If not, the second gets
            another name on the disk.
    """

    def __init__(self, path: Path, folder: Path, limits: ArchiveLimits, *, is_case_sensitive: bool) -> None:
        self.result = Unpacked()
        self._path, self._folder, self._limits = path, folder, limits
        self._is_case_sensitive = is_case_sensitive
        self._names: set[str] = set()  # of the files on the disk
        self._keys: set[str] = set()
        self._total = 0

    def take(self, number: int, name: str, member: Member) -> None:
        """Write a member, or say in `result` why not.

        Args:
            number: its number in the archive.
            name: its decoded name.
            member: the member.

        Raises:
            FacelabelError: if the archive now holds more than the limits allow, or the disk is full.
        """
        relative = posix_name(name)
        if system_kind(PurePosixPath(relative)) is not None:
            self.result.ignored.add(PurePosixPath(relative))
            return
        reason = (
            member.kind or bad_name(relative) or self._repeated(relative) or _bad_size(member, self._limits)
        )
        if not (relative.lower().endswith(TAKEN) or is_archive_name(relative) or member.kind):
            self._take_image(number, relative, member, reason)
        elif reason:
            self.result.refused.append((name, reason))
        else:
            try:
                with _opened(member) as source:
                    self._write(number, name, source, member)
            except _DamagedMemberError as error:
                self.result.refused.append((name, str(error)))

    def _take_image(self, number: int, relative: str, member: Member, reason: str) -> None:
        """Write a member of any other ending if its content is an image; what else may be wrong with it does not matter then."""
        head = b""
        with suppress(_DamagedMemberError), _opened(member) as source:
            head = _read(source, HEAD_BYTES)
            if not reason and sniff_image(head) is not None:
                self._write(number, relative, source, member, head)
                return
        self.result.ignored.add(PurePosixPath(relative), head)

    def _write(self, number: int, name: str, source: IO[bytes], member: Member, head: bytes = b"") -> None:
        relative = posix_name(name)
        place = self._place(number, relative)
        require_room(self._folder, member.size, self._limits.reserve_bytes)
        size, reason = _copy(source, head, self._folder / place, _allowed_bytes(member, self._limits))
        self._total += size
        if self._total > self._limits.total_bytes:
            raise _bad(self._path, f"it holds more than {self._limits.total_bytes // 2**20:,} MiB")
        if reason:
            self.result.refused.append((name, reason))
        elif place != relative:
            self.result.renamed[same_anywhere(place)] = relative

    def _repeated(self, relative: str) -> str:
        return "is in the archive twice" if str(PurePosixPath(relative)) in self._names else ""

    def _place(self, number: int, relative: str) -> str:
        """The name on the disk."""
        self._names.add(str(PurePosixPath(relative)))
        place = relative
        if not self._is_case_sensitive:
            while same_anywhere(place) in self._keys:
                path = PurePosixPath(relative)
                place = str(path.with_name(f"~{number}{path.suffix}"))
                number += self._limits.members
            self._keys.add(same_anywhere(place))
        return place


def _is_case_sensitive(folder: Path) -> bool:
    probe = folder / "a"
    try:
        probe.touch()
        return not (folder / "A").exists()
    except OSError as error:
        raise cannot_write(probe, error) from error
    finally:
        probe.unlink(missing_ok=True)


def _bad_size(member: Member, limits: ArchiveLimits) -> str:
    if member.size == 0:
        return "is empty"
    if member.size > limits.member_bytes:
        return f"is larger than {limits.member_bytes // 2**20} MiB"
    if member.packed is not None and member.size > max(_SMALL, limits.ratio * member.packed):
        return f"is compressed more than {limits.ratio} times, which only archive bombs are"
    return ""


def _allowed_bytes(member: Member, limits: ArchiveLimits) -> int:
    if member.packed is None:
        return limits.member_bytes
    return min(limits.member_bytes, max(_SMALL, limits.ratio * member.packed))


def _copy(source: IO[bytes], head: bytes, target: Path, allowed: int) -> tuple[int, str]:
    """Write a member, whose first bytes may have been read already; return its size, and why it was refused or ""."""
    size = 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            chunk = head or _read(source)
            while chunk:
                size += len(chunk)
                if size > allowed:
                    break
                file.write(chunk)
                chunk = _read(source)
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
    return size, ""


class _DamagedMemberError(Exception):
    """A member cannot be opened, or its bytes cannot be unpacked."""


@contextmanager
def _opened(member: Member) -> Iterator[IO[bytes]]:
    try:
        source = member.open()
    except (OSError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile) as error:
        raise _DamagedMemberError(f"cannot be unpacked ({error})") from error
    if source is None:
        raise _DamagedMemberError("is not a plain file")
    with source:
        yield source


def _read(source: IO[bytes], count: int = _CHUNK) -> bytes:
    try:
        return source.read(count)
    except (
        OSError,
        ValueError,
        EOFError,
        MemoryError,  # a member of a zip archive may ask for much more than it fills
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
        raise _bad(path, _reason(error)) from error


def _reason(error: Exception) -> str:
    """What is wrong with an archive, as a clause."""
    text = str(error) or type(error).__name__
    if text == "File is not a zip file":  # zipfile says so of any archive without its end
        return "it begins like a zip archive, but its end is missing"
    if isinstance(error, tarfile.ReadError) and text in _NO_TAR:
        return f"it is neither a zip nor a tar archive ({text})"
    return text


def _bad(path: Path, what: str) -> FacelabelError:
    return FacelabelError(
        "bad_archive",
        f"{path} cannot be unpacked: {what}.",
        do="Download it again, or unpack it and import the folder.",
    )
