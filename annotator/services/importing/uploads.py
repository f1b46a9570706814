"""Uploads: files that are sent to the server in pieces, each file into a folder below uploads/.

A file's row in the database says how many bytes have arrived; a piece counts once its bytes are on the disk. The offset of a
piece shows whether it was sent before, so that an upload continues after a lost connection or a killed server.
"""

from __future__ import annotations

import os
import shutil
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from annotator.domain.states import JobState
from annotator.errors import Conflict, NoRoom, WrongUse
from annotator.files import cannot_write, free_bytes, hold_folder, sync_folder
from annotator.models import Import
from annotator.project import ProjectFolder
from annotator.services.importing.jobs import get_import

PIECE_BYTES = 8 * 2**20
"""The largest piece of a file, in bytes."""

EXPIRES = timedelta(days=2)
"""After this time without a piece, an announced file is discarded."""

_EXPIRED = "Nothing arrived for two days: the upload was discarded. Send the file again."
_LONGEST_NAME = 200  # bytes: temporary names beside it must still fit


def check_upload(name: str, size: int, first: int, limit: int) -> None:
    """Check a file's name and size when its first piece arrives.

    Args:
        name: the file's name.
        size: the size of the whole file, in bytes.
        first: the size of its first piece, in bytes.
        limit: `FACELABEL_MAX_UPLOAD_BYTES`.

    Raises:
        WrongUse: if the name cannot be a file name here, or the file is empty or too large.
    """
    is_text = not {unicodedata.category(character) for character in name} & {"Cc", "Cs"}
    if not is_text or set(name) & set("/\\") or name.startswith("."):
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


def announced_bytes(session: Session) -> int:
    """Return how many bytes of all announced files have not arrived yet."""
    missing = select(func.sum(Import.bytes - Import.received)).where(Import.state == JobState.RECEIVING)
    return session.scalar(missing) or 0


def check_room(project: ProjectFolder, session: Session, row: Import, reserve: int) -> None:
    """Check that the disk has room for the rest of this file and of all others that were announced.

    Args:
        project: the project.
        session: a session that has the row.
        row: the file that is announced now.
        reserve: `FACELABEL_RESERVE_BYTES`.

    Raises:
        NoRoom: if it has not.
    """
    if row.state == JobState.RECEIVING and announced_bytes(session) > free_bytes(project.path, reserve):
        raise _no_room(row)


def expire_uploads(project: ProjectFolder) -> None:
    """Discard the announced files of which nothing has arrived for `EXPIRES`, so that they keep no room from others."""
    now = datetime.now(UTC)
    with project.database.read() as session:
        waiting = session.scalars(select(Import).where(Import.state == JobState.RECEIVING)).all()
    for row in waiting:
        if now - _last_arrival(project, row) < EXPIRES:
            continue
        with project.database.write() as session:
            change = update(Import).where(
                Import.id == row.id, Import.state == JobState.RECEIVING, Import.received == row.received
            )
            values = {"state": JobState.DISCARDED, "error": _EXPIRED, "finished_at": now}
            session.execute(change.values(values))
        remove_leftovers(project)


def _last_arrival(project: ProjectFolder, row: Import) -> datetime:
    """When the file was announced, or its last piece was written."""
    try:
        written = (upload_folder(project, row.id) / row.name).stat().st_mtime
    except OSError:
        return row.created_at
    return max(row.created_at, datetime.fromtimestamp(written, UTC))


def receive_piece(project: ProjectFolder, number: int, offset: int, piece: bytes, reserve: int = 0) -> Import:
    """Write a piece of a file at `offset`; the last piece queues the import. `reserve`: `FACELABEL_RESERVE_BYTES`.

    Raises:
        NotFound: if there is no such import.
        Conflict: if bytes before `offset` are missing.
        WrongUse: if the file becomes larger than announced.
        NoRoom: if the disk is full; the upload can continue from the bytes that are kept.
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
                f"{row.received} bytes have arrived; the piece begins at {offset}.",
                kept="The bytes before are kept.",
                do="Continue at the offset `received`.",
            )
        if end > row.bytes:
            raise WrongUse(
                "too_much", f"The file was announced with {row.bytes} bytes.", do="Start a new upload."
            )
        if len(piece) > free_bytes(project.path, reserve):
            raise _no_room(row)
        try:
            _write(folder / name, offset, piece)
        except NoRoom as error:
            with suppress(OSError):
                os.truncate(folder / name, offset)
            raise _no_room(row) from error
        with project.database.write() as session:
            row = get_import(session, number)
            if row.state == JobState.RECEIVING:  # it was not discarded meanwhile
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
    folders = list(project.uploads.glob("upload-*"))  # before the rows: a newer folder may lack its row
    with project.database.read() as session:
        kept = {upload_folder(project, row.id) for row in session.scalars(select(Import)) if row.has_file}
    for folder in folders:
        if folder not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def _no_room(row: Import) -> NoRoom:
    return NoRoom(
        "no_room",
        f"The disk has no room for {row.name}.",
        kept=f"The {row.received:,} bytes that have arrived are kept.",
        do="Make room, or discard other uploads; the upload continues where it stopped.",
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
