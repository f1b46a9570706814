"""Writing files and folders so that they are whole or absent, also after a kill or a power cut."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import io
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from annotator.errors import FacelabelError, NoRoom

UNFINISHED = ".unfinished"
"""The end of the name of a folder that is still being written."""

_CHUNK = 2**20
_libc = ctypes.CDLL(None, use_errno=True)
_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of renameat2."""


def keep_private() -> None:
    """Let only the owner read what this process, and the processes that it starts, write from now on."""
    os.umask(0o077)


def shard_path(root: Path, sha256: str, extension: str) -> Path:
    """Return the path below `root` of the file with this content: ab/abcd….jpg."""
    return Path(f"{root}/{sha256[:2]}/{sha256}.{extension}")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file, and its folder if need be, so that the file is whole or absent.

    Raises:
        FacelabelError: if it cannot be written; a file that was there before is unchanged.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    with _whole_or_absent(path) as file:
        file.write(content)


@contextmanager
def new_file(path: Path) -> Iterator[TextIO]:
    """Give a text file to write piece by piece; it replaces the file at `path` when it is whole.

    Raises:
        FacelabelError: if it cannot be written; a file that was there before is unchanged.
    """
    with _whole_or_absent(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        yield text
        text.flush()
        text.detach()


@contextmanager
def _whole_or_absent(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name at the end: temporary name, sync, rename, sync of the folder."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_unsynced(folder: str, content: bytes) -> str:
    """Write a file under a temporary name into a folder and return its path; the caller syncs it before renaming it.

    Raises:
        FacelabelError: if it cannot be written.
    """
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
    # Paths are strings here and below: for thousands of small files, a Path object costs as much as the writing.
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(content)


def rename_into(path: str, temporary: str) -> None:
    """Give a written file its name, and create its folder if need be.

    Raises:
        FacelabelError: if it cannot be renamed.
    """
    try:
        try:
            os.replace(temporary, path)  # noqa: PTH105
        except FileNotFoundError:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(temporary, path)  # noqa: PTH105
    except OSError as error:
        raise cannot_write(Path(path), error) from error


def link_into(path: str, existing: str) -> None:
    """Give a file that never changes a second name, or copy it where the file system has no links; an existing file stays.

    Raises:
        FacelabelError: if neither is possible.
    """
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
    """Make everything durable that was written to the disk of a folder, by one call for many files (Linux's syncfs)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if _libc.syncfs(descriptor) != 0:
            raise cannot_write(folder, OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno())))
    finally:
        os.close(descriptor)


RESERVE_SHARE = 0.05
"""The reserve is at most this share of the disk, so that a small disk can be used."""


def free_bytes(folder: Path, reserve: int) -> int:
    """Return how many bytes may be written to the disk of a folder while a reserve of free space is left.

    Args:
        folder: the folder.
        reserve: the bytes that stay free for answers, snapshots and the database; at most `RESERVE_SHARE` of the disk.
    """
    disk = shutil.disk_usage(folder)
    return max(0, disk.free - min(reserve, int(RESERVE_SHARE * disk.total)))


def require_room(folder: Path, size: int, reserve: int) -> None:
    """Check that `size` bytes can be written to the disk of a folder while a reserve is left, see `free_bytes`.

    Raises:
        NoRoom: if they cannot.
    """
    if size >= free_bytes(folder, reserve):
        raise NoRoom(
            "no_room",
            f"The disk of {folder} has no room for imports: a reserve stays free for answers.",
            kept="What was imported before is kept.",
            do="Make room, or set a smaller FACELABEL_RESERVE_BYTES; then try again.",
        )


def cannot_write(path: Path, error: OSError) -> FacelabelError:
    """The error for a file that could not be written."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    forbidden = error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}
    do = "Make room" if full else "Choose a folder that you may write to" if forbidden else "Check the disk"
    return (NoRoom if full else FacelabelError)(
        "cannot_write",
        f"{path} could not be written: {error.strerror}.",
        kept="What was there before is unchanged.",
        do=f"{do}, then try again.",
    )


def sync_folder(path: Path) -> None:
    """Make the names inside a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Make every file and folder below a folder durable; the bytes of a link are durable already."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if path.stat().st_nlink == 1:
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        sync_folder(Path(place))


def link_or_copy(existing: Path, path: Path) -> None:
    """Give a file that never changes a second name, or copy it durably where the file system has no links.

    Raises:
        OSError: if neither is possible; FileExistsError if the name is taken.
    """
    try:
        os.link(existing, path)
    except FileExistsError:
        raise
    except OSError:  # another file system: to a reader, a copy is the same
        with existing.open("rb") as source, path.open("xb") as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())


@contextmanager
def staged_folder(folder: Path) -> Iterator[Path]:
    """Give a hidden folder that gets the name `folder` at the end, and is removed after an error.

    It is locked while it is written, so that `remove_unfinished` can tell it from what a killed process left. The caller
    makes its files durable.

    Raises:
        FacelabelError: if another process is writing it.
        OSError: if it cannot be written.
    """
    unfinished = folder.with_name(f".{folder.name}{UNFINISHED}")
    remove_unfinished(unfinished)
    try:
        unfinished.mkdir(parents=True)
        with hold_folder(unfinished):
            yield unfinished
            unfinished.replace(folder)
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def exchange_folders(first: Path, second: Path) -> None:
    """Give two folders each other's name, at once where the file system can (Linux's renameat2).

    Raises:
        OSError: if they cannot be renamed.
    """
    names = os.fsencode(first), os.fsencode(second)
    if _libc.renameat2(_HERE, names[0], _HERE, names[1], _EXCHANGE) != 0:
        number = ctypes.get_errno()
        if number not in {errno.EINVAL, errno.ENOSYS}:
            raise OSError(number, os.strerror(number), str(first))
        aside = first.with_name(f".{first.name}.{secrets.token_hex(4)}{UNFINISHED}")
        second.replace(aside)
        first.replace(second)
        aside.replace(first)
    sync_folder(second.parent)


@contextmanager
def hold_folder(path: Path) -> Iterator[None]:
    """Lock a folder while it is written; the lock ends with the process, even if that is killed."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def remove_unfinished(path: Path) -> None:
    """Remove a folder that a killed process left unfinished; an absent one is fine.

    Raises:
        FacelabelError: if another process is still writing it.
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


def place_checked(source: Path, place: Path, sha256: str, *, link: bool) -> bool:
    """Give a file that is named by its content a second name, or copy it; return whether it is there and has this content.

    Nothing is left at `place` if it has not.

    Raises:
        OSError: if it cannot be written; FileExistsError if the name is taken.
    """
    digest = hashlib.sha256()
    try:
        opened = source.open("rb")
    except FileNotFoundError:
        return False
    with opened:
        if link:
            while chunk := opened.read(_CHUNK):
                digest.update(chunk)
            if digest.hexdigest() == sha256:
                link_or_copy(source, place)
        else:
            with place.open("xb") as copy:
                while chunk := opened.read(_CHUNK):
                    digest.update(chunk)
                    copy.write(chunk)
            if digest.hexdigest() != sha256:
                place.unlink()
    return digest.hexdigest() == sha256
