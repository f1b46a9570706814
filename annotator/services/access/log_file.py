"""The access log as a file: JSON lines that other programs can watch, copied from the table.

The table is what counts: an entry reaches it with the transaction that it tells of, and the file follows within seconds,
also with entries of commands and after a kill. The file holds numbers of accounts and no names.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select

from annotator.domain.timestamps import utc_text
from annotator.models import AccessEntry
from annotator.project import ProjectFolder

ROTATED_BYTES = 10 * 2**20
"""A file of this size is renamed, and a new one begun."""
ROTATIONS = 9
"""Renamed files that stay, `access.jsonl.1` the newest."""
_AT_ONCE = 1000
_TAIL_BYTES = 4096


def follow_access_log(project: ProjectFolder) -> int:
    """Append to the file what it lacks of the table, and return how many entries that were.

    Raises:
        OSError: if the file cannot be written; the next call continues.
    """
    path = project.access_log
    written = 0
    with _only_one(project):
        newest = _resume(project, _newest_in(path) or _newest_in(_rotated(path, 1)))
        while lines := _lines_after(project, newest):
            _append(path, "".join(line for _, line in lines))
            newest, written = lines[-1][0], written + len(lines)
    return written


def _lines_after(project: ProjectFolder, number: int) -> list[tuple[int, str]]:
    with project.database.read() as session:
        rows = session.scalars(
            select(AccessEntry).where(AccessEntry.id > number).order_by(AccessEntry.id).limit(_AT_ONCE)
        ).all()
    return [(row.id, _line(row)) for row in rows]


def _line(row: AccessEntry) -> str:
    entry = {
        "id": row.id, "at": utc_text(row.at), "kind": row.kind, "event": row.event,
        "account": row.labeller_id, "address": row.address, "target": row.target,
    }  # fmt: skip
    return json.dumps(entry, ensure_ascii=False) + "\n"


def _resume(project: ProjectFolder, last: tuple[int, datetime] | None) -> int:
    """The number of the table's entry after which the file continues.

    Where an older copy of the database was restored, its numbers begin again below the file's. Then the time decides.
    """
    if last is None:
        return 0
    number, at = last
    with project.database.read() as session:
        if (session.scalar(select(func.max(AccessEntry.id))) or 0) >= number:
            return number
        return session.scalar(select(func.max(AccessEntry.id)).where(AccessEntry.at <= at)) or 0


def _newest_in(path: Path) -> tuple[int, datetime] | None:
    """Number and time of a file's last entry; None if it has none. A line that a kill left unfinished is cut off."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        whole, _, torn = file.read().rpartition(b"\n")
        if torn:
            file.truncate(size - len(torn))
    last = whole.rpartition(b"\n")[2]
    if not last:
        return None
    entry = json.loads(last)
    return int(entry["id"]), datetime.fromisoformat(entry["at"])


def _append(path: Path, text: str) -> None:
    if path.exists() and path.stat().st_size >= ROTATED_BYTES:
        for number in range(ROTATIONS, 1, -1):
            if (older := _rotated(path, number - 1)).exists():
                older.replace(_rotated(path, number))
        path.replace(_rotated(path, 1))
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def _rotated(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


@contextmanager
def _only_one(project: ProjectFolder) -> Iterator[None]:
    """Keep a second server of the same project from writing the same lines."""
    lock = project.access_log.with_name(".access.lock")
    descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
