"""Files that are sent to the server, piece by piece, into a folder of their own below uploads/.

The row says how much of a file has come: a piece counts when its bytes are on the disk. A piece that is sent again is
recognised by its place, so an upload goes on after a lost connection or a killed server.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from sqlalchemy import select

from annotator.domain.states import JobState
from annotator.errors import Conflict, NoRoom, WrongUse
from annotator.files import cannot_write, hold_folder, sync_folder
from annotator.models import Import
from annotator.project import ProjectFolder
from annotator.services.importing.jobs import get_import

PIECE_BYTES = 8 * 2**20
"""A file comes in pieces of at most so many bytes."""

_LONGEST_NAME = 200  # bytes: temporary names beside it must still fit


def check_upload(name: str, size: int, first: int, limit: int) -> None:
    """Refuse a file by what is known with its first piece.

    Args:
        name: what it is called.
        size: of the whole file, in bytes.
        first: of its first piece.
        limit: of `FACELABEL_MAX_UPLOAD_BYTES`.

    Raises:
        WrongUse: if its name cannot be a file's name here, or it is empty or too large.
    """
    if not name.isprintable() or set(name) & set("/\\") or name.startswith("."):
        raise WrongUse(
            "bad_name", f"{name!r} cannot be the name of a file.", do="Send the name without folders."
        )
    if len(name.encode()) > _LONGEST_NAME:
        raise WrongUse("bad_name", "The file's name is too long.", do=f"At most {_LONGEST_NAME} bytes.")
    if not 0 < first <= size:
        what = "It is empty." if not first else f"It was announced with {size} bytes and has more."
        raise WrongUse("bad_size", what, do="Send the file again.")
    if size > limit:
        raise WrongUse(
            "too_large",
            f"The file is larger than {limit // 2**20:,} MiB.",
            do="Import it by command, or raise FACELABEL_MAX_UPLOAD_BYTES.",
        )


def check_room(project: ProjectFolder, row: Import) -> None:
    """Look whether there is room for what has still to come of a file.

    Raises:
        NoRoom: if there is none.
    """
    if row.state == JobState.RECEIVING and row.bytes - row.received > shutil.disk_usage(project.path).free:
        raise _no_room(row)


def receive_piece(project: ProjectFolder, number: int, offset: int, piece: bytes) -> Import:
    """Keep the bytes of a file from `offset` on; with its last piece the import is queued.

    Raises:
        NotFound: if there is no such import.
        Conflict: if bytes before `offset` are missing.
        WrongUse: if it is more than was announced.
        NoRoom: if the disk is full; the file goes on from what was kept.
    """
    with project.database.read() as session:
        name = get_import(session, number).name
    folder = upload_folder(project, number)
    _make(folder)
    with hold_folder(folder):
        with project.database.read() as session:
            row = get_import(session, number)
        end = offset + len(piece)
        if row.state != JobState.RECEIVING or end <= row.received:
            return row
        if offset != row.received:
            raise Conflict(
                "wrong_offset",
                f"{row.received} bytes have come; the piece begins at {offset}.",
                kept="The bytes before are kept.",
                do="Go on from `received`.",
            )
        if end > row.bytes:
            raise WrongUse("too_much", f"The file was announced with {row.bytes} bytes.", do="Begin anew.")
        try:
            _write(folder / name, offset, piece)
        except NoRoom as error:
            with suppress(OSError):
                os.truncate(folder / name, offset)
            raise _no_room(row) from error
        with project.database.write() as session:
            row = get_import(session, number)
            if row.state == JobState.RECEIVING:  # it was not given up meanwhile
                row.received = end
                row.state = JobState.QUEUED if end == row.bytes else JobState.RECEIVING
            return row


def upload_folder(project: ProjectFolder, number: int) -> Path:
    """Where the file of an import lies; the folder's name becomes the source of a single image."""
    return project.uploads / f"upload-{number:06d}"


def remove_upload(project: ProjectFolder, number: int) -> None:
    """Remove the file of an import that is over."""
    shutil.rmtree(upload_folder(project, number), ignore_errors=True)


def remove_leftovers(project: ProjectFolder) -> None:
    """Remove what a server or worker that was killed had no time to remove."""
    there = list(
        project.uploads.glob("upload-*")
    )  # before the rows are read: every one of these has its row by now
    with project.database.read() as session:
        kept = {upload_folder(project, row.id) for row in session.scalars(select(Import)) if row.has_file}
    for folder in there:
        if folder not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def _no_room(row: Import) -> NoRoom:
    return NoRoom(
        "no_room",
        f"The disk has no room for {row.name}.",
        kept=f"The {row.received:,} bytes that have come are kept.",
        do="Make room; the file goes on where it stopped.",
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(folder.parent)
    except OSError as error:
        raise cannot_write(folder, error) from error


def _write(path: Path, offset: int, piece: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.seek(offset)
            file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
