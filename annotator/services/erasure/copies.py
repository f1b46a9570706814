"""The snapshots, exports, uploads and backups that may still hold what was erased. They are never rewritten."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import delete, select

from annotator.formats.snapshot.removal import Erased, holds
from annotator.models import Import, Snapshot
from annotator.project import ProjectFolder
from annotator.services.backups.contents import read_entries
from annotator.services.backups.folder import FILES
from annotator.services.backups.places import known_backups
from annotator.services.erasure.scope import Scope
from annotator.services.importing.uploads import upload_folder


@dataclass(frozen=True)
class Copy:
    """A folder or a file that holds what was erased, or may hold it.

    Args:
        kind: snapshot, export, upload or backup.
        path: its path below the project's folder; of a backup, its whole path.
        command: deletes it.
        certain: whether it was seen there; otherwise it was only written at a time when it could be.
    """

    kind: str
    path: str
    command: str
    certain: bool

    def as_dict(self) -> dict[str, str | bool]:
        """Return it as plain values."""
        return asdict(self)


def find_copies(project: ProjectFolder, scope: Scope) -> list[Copy]:
    """Find the folders that hold what a scope names."""
    since = datetime.fromisoformat(scope.since) if scope.since else datetime.min.replace(tzinfo=UTC)
    copies = [_copy(project, "snapshot", folder, certain=True) for folder in _snapshots(project, scope)]
    copies += [
        _copy(project, "export", folder, certain=False)
        for folder in _folders(project.exports)
        if datetime.fromtimestamp(folder.stat().st_mtime, UTC) >= since
    ]
    with project.database.read() as session:
        waiting = [row.id for row in session.scalars(select(Import)) if row.has_file]
    folders = [upload_folder(project, number) for number in waiting]
    copies += [_copy(project, "upload", folder, certain=False) for folder in folders if folder.is_dir()]
    return copies + _backups(project, scope, since)


def remove_copies(project: ProjectFolder, scope: Scope) -> list[str]:
    """Delete the snapshots and exports that hold it; return their paths below the project's folder."""
    removed = []
    for copy in find_copies(project, scope):
        if copy.kind in {"upload", "backup"}:
            continue  # an upload is about to be imported, without what was erased; a backup is not in the project's folder
        folder = project.path / copy.path
        shutil.rmtree(folder)
        with project.database.write() as session:
            session.execute(delete(Snapshot).where(Snapshot.name == folder.name))
        removed.append(copy.path)
    return removed


def _snapshots(project: ProjectFolder, scope: Scope) -> Iterator[Path]:
    erased = Erased(scope.hashes, scope.erased.people)
    for folder in _folders(project.snapshots):
        try:
            is_holding = holds(folder, erased)
        except (OSError, ValueError, IndexError, StopIteration):
            is_holding = True  # it is damaged, so nobody knows
        if is_holding:
            yield folder


def _backups(project: ProjectFolder, scope: Scope, since: datetime) -> list[Copy]:
    """The backups that were made when the project had it; one that cannot be read now may hold it."""
    hashes, found = set(scope.hashes), []
    with project.database.read() as session:
        backups = [
            backup for backup in known_backups(session) if backup.created_at >= since.replace(microsecond=0)
        ]
    for backup in backups:
        is_folder = backup.place.kind == "folder"
        root = shlex.quote(backup.place.path)
        remove = f"facelabel backup {root} --remove {shlex.quote(backup.name)} --project {shlex.quote(str(project.path.resolve()))}"
        command = remove if is_folder else f"rm -- {root}"
        certain = is_folder and backup.seen and _is_listed(backup.path, hashes)
        found.append(Copy("backup", str(backup.path), command, certain))
    return found


def _is_listed(backup: Path, hashes: set[str]) -> bool:
    try:
        return any(entry.sha256 in hashes for entry in read_entries(backup / FILES))
    except (OSError, ValueError, StopIteration):
        return False


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.glob("*") if path.is_dir())


def _copy(project: ProjectFolder, kind: str, folder: Path, *, certain: bool) -> Copy:
    path = folder.relative_to(project.path).as_posix()
    return Copy(kind, path, f"rm -r -- {shlex.quote(str(folder.resolve()))}", certain)
