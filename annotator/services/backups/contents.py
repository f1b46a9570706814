"""What of a project a backup holds: its files in one fixed order, each with its SHA-256."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from csv import reader
from dataclasses import dataclass
from pathlib import Path

from annotator.formats.snapshot.csv_text import csv_line
from annotator.project import ProjectFolder

PARTS = (
    "attributes.toml", "secret.key", "images", "photos", "views", "snapshots", "exports", "rounds", "networks", "imports",
    "erasures", "store.url",
)  # fmt: skip
"""The files and folders of a project that every backup holds besides the database, in the order in which it lists them."""
LEFT_OUT = (".facelabel.lock", "access.jsonl", "cache", "database.json", "uploads", "workers")
"""What no backup holds: the access log's file is written again from the database, and the cache is computed again; a waiting
upload is still with its sender; locks are of processes. A project whose database is PostgreSQL has no backups of this kind."""
COLUMNS = ("path", "bytes", "mtime_ns", "sha256")
"""The columns of files.csv."""

_PLACES = {name: place for place, name in enumerate(PARTS)}
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class FoundFile:
    """A file of the project: where it is, and what its folder says about it."""

    path: Path
    name: str
    bytes: int
    mtime_ns: int
    inode: int

    def named_hash(self) -> str | None:
        """The SHA-256 that the file must have because it is named by its content; None for other files."""
        stem, parts = self.name.rpartition("/")[2].partition(".")[0], self.name.split("/")
        by_content = parts[0] in {"images", "photos"} or (parts[0] == "snapshots" and "images" in parts[2:3])
        return stem if by_content and _HASH.fullmatch(stem) else None

    def view_of(self) -> str | None:
        """The SHA-256 of the image whose view this is; None if it is no view."""
        stem = self.path.stem
        return stem if self.name.startswith("views/") and _HASH.fullmatch(stem) else None


@dataclass(frozen=True)
class Entry:
    """A line of files.csv: a file of the project as the backup holds it."""

    name: str
    bytes: int
    mtime_ns: int
    sha256: str

    def line(self) -> str:
        """The line."""
        return csv_line((self.name, self.bytes, self.mtime_ns, self.sha256))


def walk(project: ProjectFolder) -> Iterator[FoundFile]:
    """Yield the files that belong into a backup, in the order of `order_key`; files that are still being written are left out."""
    for part in PARTS:
        path = project.path / part
        if path.is_dir():
            yield from _below(path, part)
        elif path.is_file():
            status = path.stat()
            yield FoundFile(path, part, status.st_size, status.st_mtime_ns, status.st_ino)


def order_key(name: str) -> tuple[int, list[str]]:
    """The place of a file's name in the order of `walk`."""
    parts = name.split("/")
    return _PLACES.get(parts[0], len(PARTS)), parts


def read_entries(file: Path) -> Iterator[Entry]:
    """Yield the lines of a files.csv."""
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as opened:
        rows = reader(opened)
        next(rows)
        for name, size, mtime_ns, sha256 in rows:
            yield Entry(name, int(size), int(mtime_ns), sha256)


class EarlierEntries:
    """Looks files up in the list of an earlier backup. Both lists have the same order, so that nothing is held in memory."""

    def __init__(self, entries: Iterator[Entry]) -> None:
        self._entries = entries
        self._next = next(entries, None)

    def sha256_of(self, file: FoundFile) -> str | None:
        """Return the hash of a file that has not changed since; files are asked for in their order."""
        key = order_key(file.name)
        while self._next is not None and order_key(self._next.name) < key:
            self._next = next(self._entries, None)
        entry = self._next
        if entry is None or (entry.name, entry.bytes, entry.mtime_ns) != (
            file.name,
            file.bytes,
            file.mtime_ns,
        ):
            return None
        return entry.sha256


def _below(folder: Path, name: str) -> Iterator[FoundFile]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return  # it was removed meanwhile
    for entry in entries:
        below = f"{name}/{entry.name}"
        if entry.name.startswith("."):
            continue  # a temporary file, or a folder that is not whole yet
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path), below)
        elif entry.is_file(follow_symlinks=False):
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            yield FoundFile(Path(entry.path), below, status.st_size, status.st_mtime_ns, status.st_ino)
