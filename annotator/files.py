"""Files that are whole or absent, and where content-addressed ones stand."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from annotator.errors import FacelabelError, NoRoom

UNFINISHED = ".unfinished"
"""How the name of a folder ends that is still being written."""


_libc = ctypes.CDLL(None, use_errno=True)


def shard_path(root: Path, sha256: str, extension: str) -> Path:
    """Where a file with this content stands below `root`: ab/abcd….jpg."""
    return Path(f"{root}/{sha256[:2]}/{sha256}.{extension}")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is whole or absent, also after a power cut: temporary name, sync, rename, sync."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if path.parent.is_dir():
            temporary.unlink(missing_ok=True)
        raise cannot_write(path, error) from error
    sync_folder(path.parent)


def write_unsynced(folder: str, content: bytes) -> str:
    """Write a file under a temporary name into a folder; whoever renames it makes it durable first. Returns its path."""
    temporary = f"{folder}/.{secrets.token_hex(8)}.tmp"
    try:
        try:
            _write(temporary, content)
        except FileNotFoundError:
            Path(folder).mkdir(parents=True, exist_ok=True)
            _write(temporary, content)
    except OSError as error:
        with suppress(OSError):
            Path(temporary).unlink()
        raise cannot_write(Path(temporary), error) from error
    return temporary


def _write(path: str, content: bytes) -> None:
    # A text and not a Path, here and below: for each of thousands of small files a Path costs as much as its writing.
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(content)


def rename_into(path: str, temporary: str) -> None:
    """Give a written file its name; its folder is made if need be."""
    try:
        try:
            os.replace(temporary, path)  # noqa: PTH105
        except FileNotFoundError:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(temporary, path)  # noqa: PTH105
    except OSError as error:
        raise cannot_write(Path(path), error) from error


def link_into(path: str, existing: str) -> None:
    """Give a file that never changes a second name; where the disk cannot do that, a copy of it gets the name."""
    try:
        try:
            os.link(existing, path)
        except FileNotFoundError:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            os.link(existing, path)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}:
            raise cannot_write(Path(path), error) from error
        write_atomically(Path(path), Path(existing).read_bytes())


def sync_disk(folder: Path) -> None:
    """Make everything durable that was written to the disk of a folder: one call for many files (Linux's syncfs)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if _libc.syncfs(descriptor) != 0:
            raise cannot_write(folder, OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno())))
    finally:
        os.close(descriptor)


def cannot_write(path: Path, error: OSError) -> FacelabelError:
    """The error for a file that could not be written."""
    kind = NoRoom if error.errno in {errno.ENOSPC, errno.EDQUOT} else FacelabelError
    return kind(
        "cannot_write",
        f"{path} could not be written: {error.strerror}.",
        kept="What was there before is unchanged.",
        do="Make room or give yourself the right to write there, and call the command again.",
    )


def sync_folder(path: Path) -> None:
    """Make renames inside a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def new_file(path: Path) -> Iterator[TextIO]:
    """A text file to write piece by piece; it is whole or absent, and what was there before is replaced at the end."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise FacelabelError(
            "cannot_write",
            f"{path} could not be written: {error.strerror}.",
            kept="What was there before is unchanged.",
            do="Make room, or name a file in a folder that exists.",
        ) from error
    finally:
        if path.parent.is_dir():
            temporary.unlink(missing_ok=True)


@contextmanager
def hold_folder(path: Path) -> Iterator[None]:
    """Hold a folder while it is written; the hold is gone with its holder, however that ended."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def remove_unfinished(path: Path) -> None:
    """Remove a folder that its writer left unfinished.

    Raises:
        FacelabelError: if somebody is still writing it.
    """
    if not path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path)
    except BlockingIOError as error:
        raise FacelabelError(
            "being_written",
            f"{path} is being written by another process.",
            do="Wait, or name another folder.",
        ) from error
    finally:
        os.close(descriptor)
