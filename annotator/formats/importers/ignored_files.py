"""Files that an import ignores: counted by kind, with what a person can do about each kind."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from annotator.imaging.image_kinds import HEAD_BYTES, unreadable_kind

VIDEO_ENDINGS = frozenset({".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".3gp"})
"""File name endings of videos that can be imported."""

ARCHIVE_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""File name endings of archives that can be imported."""

_SYSTEM_FOLDERS = {".ipynb_checkpoints", "@eadir", "__macosx", ".thumbnails", ".thumb", ".cache", ".git"}
_SYSTEM_FILES = {"thumbs.db", "ehthumbs.db", ".ds_store", "desktop.ini", ".picasa.ini"}
_LONGEST_ENDING = 12
_COUNTED = re.compile(r"\b(file|video|archive|mask)s\b")

_ADVICE = {
    "videos": "Import each video by its own name; --fps sets how many frames per second are taken.",
    "archives": "Import each archive by its own name.",
    ".7z files": "Unpack each and import its folder, or pack it as zip or tar.",
    ".rar files": "Unpack each and import its folder, or pack it as zip or tar.",
    "masks": "A mask marks the pixels of a photo beside it and is no photo. To import masks, name their folder alone.",
}


@dataclass
class IgnoredFiles:
    """The ignored files of a source.

    Args:
        counts: their number by kind, a plural such as ".xcf files" or "videos".
        advice: what a person can do about a kind, in whole sentences.
    """

    counts: Counter[str] = field(default_factory=Counter)
    advice: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The number of all ignored files."""
        return self.counts.total()

    def add(self, name: PurePath, head: bytes = b"") -> None:
        """Count a file.

        Args:
            name: its path in the source.
            head: its first `HEAD_BYTES`, if they are known: they tell an image of a kind that cannot be read.
        """
        unread = unreadable_kind(name, head) if system_kind(name) is None else None
        kind = kind_of(name)
        if unread is not None:
            self.advice.setdefault(kind, f"Each is {unread}.")
        self.add_kind(kind)

    def add_kind(self, kind: str, count: int = 1) -> None:
        """Count files of a kind."""
        self.counts[kind] += count
        if kind in _ADVICE:
            self.advice.setdefault(kind, _ADVICE[kind])

    def update(self, other: IgnoredFiles) -> None:
        """Count the files of another part of the source too."""
        self.counts.update(other.counts)
        self.advice |= other.advice

    def notes(self) -> list[str]:
        """Return what a person can do about the ignored files, in whole sentences, largest kinds first."""
        return [
            f"Ignored: {counted_kind(kind, count)}. {self.advice[kind]}"
            for kind, count in self.counts.most_common()
            if self.advice.get(kind)
        ]


def counted_kind(kind: str, count: int) -> str:
    """Return a kind with its number: "1 video", "312 .xcf files"."""
    singular = _COUNTED.sub(r"\1", kind, count=1)
    return f"{count:,} {singular if count == 1 else kind}"


def counted_kinds(counts: dict[str, int]) -> str:
    """Return all kinds with their numbers, largest first: "312 .xcf files, 1 video"."""
    return ", ".join(counted_kind(kind, count) for kind, count in Counter(counts).most_common())


def is_system_folder(name: str) -> bool:
    """Return whether a folder is hidden, or holds a program's thumbnails and metadata and no photos of a person."""
    return (name.startswith(".") and name not in {".", ".."}) or name.casefold() in _SYSTEM_FOLDERS


def is_system_file(name: str) -> bool:
    """Return whether a file is hidden, or holds a program's thumbnails or metadata."""
    return name.startswith(".") or name.casefold() in _SYSTEM_FILES


def system_kind(name: PurePath) -> str | None:
    """Return the kind of a file that is hidden, or a program's thumbnail or metadata; None for any other file."""
    folder = next((part for part in name.parts[:-1] if is_system_folder(part)), None)
    if folder is not None:
        known = folder.casefold() in _SYSTEM_FOLDERS or folder.startswith(".Trash")
        return f"files in {folder}" if known else "files in hidden folders"
    if not is_system_file(name.name):
        return None
    if name.name.startswith("._"):
        return "._ files of macOS"
    return f"{name.name} files" if name.name.casefold() in _SYSTEM_FILES else "hidden files"


def kind_of(name: PurePath) -> str:
    """Return the kind of a file that is not imported, by its path in the source."""
    if system := system_kind(name):
        return system
    lower = name.name.lower()
    ending = name.suffix.lower()
    if ending in VIDEO_ENDINGS:
        return "videos"
    if lower.endswith(ARCHIVE_ENDINGS):
        return "archives"
    if not ending:
        return "files without an ending"
    return f"{ending} files" if len(ending) <= _LONGEST_ENDING and ending.isprintable() else "other files"


def read_head(path: Path) -> bytes:
    """Return the first bytes of a regular file; b"" if it is none or cannot be read."""
    try:
        # O_NONBLOCK: opening a named pipe must not wait for its other end.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        try:
            return file.read(HEAD_BYTES) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
        except OSError:
            return b""
