"""A backup folder: file contents by their hash, shared by all backups in it, and a folder per backup.

    facelabel-backups.json     which project's backups these are
    files/ab/abcd…             the contents of files, named by their SHA-256
    20261130T081500Z/          a backup: facelabel.db, files.csv, and manifest.json, which is written last

A backup counts once its folder has its name; until then it is hidden and the next backup removes it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from annotator.domain.schema import canonical_json
from annotator.errors import Busy, FacelabelError, WrongUse
from annotator.files import UNFINISHED, cannot_write, rename_into, sync_disk, sync_folder, write_atomically
from annotator.formats.snapshot.manifest import read_manifest
from annotator.services.backups.contents import Entry, FoundFile, read_entries

MARKER = "facelabel-backups.json"
FORMAT = "facelabel-backup"
DATABASE, FILES, MANIFEST = "facelabel.db", "files.csv", "manifest.json"
"""The format that a backup's manifest names, and the three files of a backup."""
_BATCH = 2000
"""New files that are made durable by one sync of the disk."""
_CHUNK = 2**20
_INCOMING = "incoming"
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Generation:
    """One backup of a backup folder."""

    folder: Path
    created_at: str

    @property
    def name(self) -> str:
        """Its name in the folder."""
        return self.folder.name

    def manifest(self) -> dict[str, Any]:
        """Its manifest, checked against its own hash.

        Raises:
            FacelabelError: if it is damaged.
        """
        return read_manifest(self.folder, FORMAT)


class BackupFolder:
    """A folder with backups of one project.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._pending: dict[str, str] = {}
        self.new_files = self.new_bytes = 0

    @staticmethod
    def is_one(path: Path) -> bool:
        """Whether a folder holds backups."""
        return (path / MARKER).is_file()

    def prepare(self, token: str, name: str) -> None:
        """Make the folder, unless it is there.

        Args:
            token: the project's token.
            name: the project's name.

        Raises:
            WrongUse: if the folder holds other things, or backups of another project.
            FacelabelError: if it cannot be written.
        """
        if not self.is_one(self.root):
            if self.root.is_dir() and any(path.name != "lost+found" for path in self.root.iterdir()):
                what = f"{self.root} is not empty and holds no backups."
                raise WrongUse("not_a_backup_folder", what, do="Name an empty or a new folder.")
            marker = {"format": "facelabel-backups", "project": name, "token": token, "version": 1}
            write_atomically(self.root / MARKER, canonical_json(marker).encode())
        try:
            marker = json.loads((self.root / MARKER).read_bytes())
            is_own = marker["token"] == token
        except (OSError, ValueError, KeyError, TypeError) as error:
            what = f"{self.root / MARKER} cannot be read: {error}."
            raise FacelabelError("damaged_backups", what, do="Name another folder.") from error
        if not is_own:
            what = f"{self.root} holds backups of another project, {marker.get('project')}."
            raise WrongUse("other_project", what, do="Name another folder: one for each project.")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from writing into the folder; the lock ends with the process, however that ends.

        Raises:
            Busy: if another process is writing a backup there.
        """
        descriptor = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            what = f"Another backup into {self.root} is running."
            raise Busy("backup_running", what, do="Wait until it is done.") from error
        finally:
            os.close(descriptor)

    def generations(self) -> list[Generation]:
        """The whole backups, newest first."""
        found = []
        for path in self.root.glob(f"[!.]*/{MANIFEST}"):
            with suppress(FacelabelError):
                found.append(Generation(path.parent, str(read_manifest(path.parent, FORMAT)["created_at"])))
        return sorted(found, key=lambda generation: (generation.created_at, generation.name), reverse=True)

    def new_generation(self) -> Path:
        """The folder that the next backup gets."""
        stem, number = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}", 1
        folder = self.root / stem
        while folder.exists():
            number += 1
            folder = self.root / f"{stem}-{number}"
        return folder

    def remove_leftovers(self) -> None:
        """Remove what a killed backup left; the caller holds the folder."""
        for leftover in self.root.glob(f".*{UNFINISHED}"):
            shutil.rmtree(leftover, ignore_errors=True)
        shutil.rmtree(self.root / "files" / _INCOMING, ignore_errors=True)

    def content(self, sha256: str) -> Path:
        """The path of a content."""
        return Path(f"{self.root}/files/{sha256[:2]}/{sha256}")

    def size_of(self, sha256: str) -> int | None:
        """The bytes of a content; None if the folder does not have it."""
        try:
            return Path(self._pending.get(sha256) or self.content(sha256)).stat().st_size
        except FileNotFoundError:
            return None

    def add(self, file: FoundFile) -> Entry:
        """Copy a file's content into the folder; it has its name after `flush`.

        Raises:
            FileNotFoundError: if the file is gone.
            FacelabelError: if the content cannot be read or written.
        """
        incoming = self.root / "files" / _INCOMING
        temporary = incoming / secrets.token_hex(8)
        try:
            with file.path.open("rb") as source:
                incoming.mkdir(parents=True, exist_ok=True)
                sha256, size = copy_hashed(source, temporary)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise cannot_read(file.path, error) from error
        if self.size_of(sha256) is None:
            self._pending[sha256] = str(temporary)
            self.new_files, self.new_bytes = self.new_files + 1, self.new_bytes + size
            if len(self._pending) >= _BATCH:
                self.flush()
        else:
            temporary.unlink()
        return Entry(file.name, size, file.mtime_ns, sha256)

    def flush(self) -> None:
        """Make new contents durable and give them their names: a name never stands for bytes that a power cut can take."""
        if self._pending:
            sync_disk(self.root)
            for sha256, temporary in self._pending.items():
                rename_into(str(self.content(sha256)), temporary)
            self._pending.clear()

    def remove(self, generation: Generation) -> None:
        """Remove a backup, but not the contents that only it has; the caller holds the folder."""
        hidden = self.root / f".{generation.name}{UNFINISHED}"
        generation.folder.replace(hidden)  # half removed, it would look like a damaged backup
        sync_folder(self.root)
        shutil.rmtree(hidden)

    def remove_unused(self) -> int:
        """Remove contents that no backup has any more; return their number. The caller holds the folder.

        Raises:
            FacelabelError: if the list of a backup cannot be read; nothing is removed then.
        """
        used: set[bytes] = set()
        for path in self.root.glob(f"[!.]*/{FILES}"):
            used.update(bytes.fromhex(entry.sha256) for entry in read_entries(path))
        removed = 0
        for path in (self.root / "files").glob("??/*"):
            if _HASH.fullmatch(path.name) and bytes.fromhex(path.name) not in used:
                path.unlink()
                removed += 1
        return removed


def copy_hashed(source: BinaryIO, target: Path) -> tuple[str, int]:
    """Copy an open file into a new one; return the SHA-256 and the number of the bytes.

    Raises:
        OSError: if the source cannot be read.
        FacelabelError: if the copy cannot be written.
    """
    digest, size = hashlib.sha256(), 0
    try:
        copy = target.open("xb", buffering=0)
    except OSError as error:
        raise cannot_write(target, error) from error
    with copy:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            try:
                while chunk := chunk[copy.write(chunk) :]:
                    pass  # the disk took a part
            except OSError as error:
                raise cannot_write(target, error) from error
    return digest.hexdigest(), size


def cannot_read(path: Path, error: OSError) -> FacelabelError:
    """The error for a file of the project that could not be read."""
    what = f"{path} could not be read: {error.strerror}."
    return FacelabelError(
        "cannot_read", what, kept="Earlier backups are kept.", do="Call `facelabel doctor --deep`."
    )
