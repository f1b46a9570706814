"""Backups as one tar archive: the project's folder as it is, then the list of its files, and the manifest last."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from annotator.errors import FacelabelError, WrongUse
from annotator.files import cannot_write
from annotator.formats.snapshot.manifest import damaged
from annotator.services.backups.contents import PARTS, Entry, FoundFile
from annotator.services.backups.folder import DATABASE, FILES, FORMAT, MANIFEST, cannot_read, copy_hashed


def archive_file(archive: tarfile.TarFile, file: FoundFile) -> Entry | None:
    """Add a file to an archive; None if it is gone. A changed image is archived, but not listed as one.

    Raises:
        FacelabelError: if it cannot be read, or became shorter meanwhile.
        OSError: if the archive cannot be written.
    """
    try:
        opened = file.path.open("rb")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise cannot_read(file.path, error) from error
    with opened:
        member = tarfile.TarInfo(f"{FORMAT}/{file.name}")
        member.size, member.mtime, member.mode = file.bytes, file.mtime_ns / 1e9, 0o600
        source = _Hashed(opened, file)
        archive.addfile(member, source)  # type: ignore[arg-type]  # it reads only
    sha256 = source.digest.hexdigest()
    return (
        Entry(file.name, file.bytes, file.mtime_ns, sha256) if file.named_hash() in {None, sha256} else None
    )


class _Hashed:
    """A file that is hashed while it is read, up to the size that it had when it was found."""

    def __init__(self, source: IO[bytes], file: FoundFile) -> None:
        self._source, self._file, self._left = source, file, file.bytes
        self.digest = hashlib.sha256()

    def read(self, count: int) -> bytes:
        try:
            content = self._source.read(min(count, self._left))
        except OSError as error:
            raise cannot_read(self._file.path, error) from error
        if len(content) < min(count, self._left):
            what = f"{self._file.path} became shorter while it was read."
            raise FacelabelError("changed_meanwhile", what, kept="No backup was made.", do="Try again.")
        self._left -= len(content)
        self.digest.update(content)
        return content


@contextmanager
def open_archive(file: Path) -> Iterator[tarfile.TarFile]:
    """Open an archive for reading.

    Raises:
        FacelabelError: if it is no tar archive, or is cut off.
    """
    try:
        with tarfile.open(file, "r:") as archive:
            yield archive
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and not isinstance(error, tarfile.TarError) and error.errno is not None:
            raise cannot_write(file, error) from error
        raise damaged(file, f"it is no whole tar archive: {error}") from error


def unpack(file: Path, folder: Path) -> dict[str, Entry]:
    """Unpack an archive into a new folder and return what it holds by name; nothing is trusted yet.

    Raises:
        FacelabelError: if it is no backup, or is damaged.
    """
    held: dict[str, Entry] = {}
    with open_archive(file) as archive:
        for member in archive:
            name = _checked_name(file, member)
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            opened = archive.extractfile(member)
            if opened is None or path.exists():
                raise damaged(file, f"{name} is there twice, or is no file")
            with opened:
                sha256, size = copy_hashed(opened, path)  # type: ignore[arg-type]  # it reads only
            held[name] = Entry(name, size, int(member.mtime * 1e9), sha256)
    if MANIFEST not in held:
        raise WrongUse("no_backup", f"{file} is no whole backup: it has no manifest.", do="Name another one.")
    return held


def _checked_name(file: Path, member: tarfile.TarInfo) -> str:
    """The name of a member below the project's folder; an archive of somebody else may name any path."""
    parts = PurePosixPath(member.name).parts
    is_safe = len(parts) > 1 and parts[0] == FORMAT and not {"..", "/"} & set(parts) and member.isreg()
    if not is_safe or parts[1] not in {*PARTS, DATABASE, FILES, MANIFEST}:
        raise damaged(file, f"{member.name!r} does not belong into a backup")
    return "/".join(parts[1:])
