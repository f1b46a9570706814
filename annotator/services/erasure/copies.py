"""The snapshots, exports and uploads in the project's folder that may still hold what was erased. They are never rewritten."""

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
from annotator.services.erasure.scope import Scope
from annotator.services.importing.uploads import upload_folder


@dataclass(frozen=True)
class Copy:
    """A folder that holds what was erased, or may hold it.

    Args:
        kind: snapshot, export or upload.
        path: its path below the project's folder.
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
    return copies + [_copy(project, "upload", folder, certain=False) for folder in folders if folder.is_dir()]


def remove_copies(project: ProjectFolder, scope: Scope) -> list[str]:
    """Delete the snapshots and exports that hold it; return their paths below the project's folder."""
    removed = []
    for copy in find_copies(project, scope):
        if copy.kind == "upload":
            continue  # it is about to be imported; its import leaves out what was erased
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


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.glob("*") if path.is_dir())


def _copy(project: ProjectFolder, kind: str, folder: Path, *, certain: bool) -> Copy:
    path = folder.relative_to(project.path).as_posix()
    return Copy(kind, path, f"rm -r -- {shlex.quote(str(folder.resolve()))}", certain)
