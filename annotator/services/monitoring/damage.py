"""Look for damage: in the database, in the files of images, in predictions and snapshots. It finds it and changes nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pysqlite3
from sqlalchemy import select

from annotator.database import BUSY_SECONDS
from annotator.domain.plurals import counted
from annotator.errors import FacelabelError
from annotator.files import shard_path
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.formats.snapshot.writer import verify_snapshot
from annotator.models import Predictions, Snapshot
from annotator.project import ProjectFolder
from annotator.services.monitoring.rows import wrong_rows

_NAMED = 5
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Inspection:
    """The result of looking at one part of a project: what was looked at, and what is wrong with it."""

    name: str
    detail: str
    damage: tuple[str, ...] = ()
    do: str = ""


def inspect_project(
    project: ProjectFolder, *, deep: bool = False, progress: Progress = lambda *_: None
) -> list[Inspection]:
    """Look at all parts of a project; whatever is found, this raises nothing.

    Args:
        project: the project; it may be served meanwhile.
        deep: also read every row of the database, and hash every file that is named by its content or listed in a manifest.
        progress: is told how many images were looked at.
    """
    parts = [
        ("database", lambda: _database(project, deep=deep)),
        ("images", lambda: _images(project, deep, progress)),
        ("predictions", lambda: _predictions(project, deep=deep)),
        *([("snapshots", lambda: _snapshots(project))] if deep else []),
    ]
    return [_inspected(name, look) for name, look in parts]


def _inspected(name: str, look: Callable[[], Inspection]) -> Inspection:
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - a damaged project may fail anywhere, and the user is to see the rest
        what = str(error).split("\n", maxsplit=1)[0] or type(error).__name__
        return Inspection(name, "it cannot be read", (f"It cannot be read: {what}",), _RESTORE)


_RESTORE = "restore the newest backup into another folder: `facelabel restore BACKUP FOLDER`"


def _database(project: ProjectFolder, *, deep: bool) -> Inspection:
    with closing(pysqlite3.connect(project.database_file, timeout=BUSY_SECONDS)) as database:
        check = "integrity_check" if deep else "quick_check"
        lines = [str(line) for (line,) in database.execute(f"PRAGMA {check}(20)")]
        damage = [] if lines == ["ok"] else [" ".join(line.split()) for line in lines[:_NAMED]]
        if deep:
            damage += list(wrong_rows(project.database_file))
        if damage:
            return Inspection("database", "it is damaged", tuple(damage), _RESTORE)
        counts = {
            table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - our names
            for table in ("images", "submissions", "annotations", "labels", "rounds")
        }
    detail = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    return Inspection("database", f"sound: {detail}" + (", every row was read" if deep else ""))


def _images(project: ProjectFolder, deep: bool, progress: Progress) -> Inspection:
    with closing(pysqlite3.connect(project.database_file, timeout=BUSY_SECONDS)) as database:
        query = "SELECT name, sha256, extension, photo_sha256 FROM images ORDER BY sha256"
        rows = database.execute(query)
        [(total,)] = database.execute("SELECT count(*) FROM images").fetchall()
        missing: list[str] = []
        changed: list[str] = []
        listed = _Listing(project.images), _Listing(project.views)
        for number, (name, sha256, extension, _photo) in enumerate(rows):
            has_image = f"{sha256}.{extension}" in listed[0].of(sha256[:2])
            if not has_image or f"{sha256}.jpg" not in listed[1].of(sha256[:2]):
                missing.append(name)
            elif deep and _hash(shard_path(project.images, sha256, extension)) != sha256:
                changed.append(name)
            progress(number + 1, total)
    if deep:
        changed += [path.name for path in _named_files(project.photos) if _hash(path) != path.stem]
    damage = [
        f"{counted(len(names), f'image {what}', f'images {what}')}: {', '.join(names[:_NAMED])}"
        + (", …" if len(names) > _NAMED else "")
        for what, names in (
            ("without its file or its view", missing),
            ("with other bytes than at the import", changed),
        )
        if names
    ]
    how = "every byte is as it was imported" if deep else "every file is there"
    do = "import these images again, or restore the newest backup into another folder" if damage else ""
    return Inspection("images", f"{total:,}, {how}" if not damage else f"{total:,}", tuple(damage), do)


class _Listing:
    """The names of the files of a store, one of its folders at a time."""

    def __init__(self, root: Path) -> None:
        self._root, self._shard = root, ""
        self._names: set[str] = set()

    def of(self, shard: str) -> set[str]:
        if shard != self._shard:
            try:
                self._names = set(os.listdir(self._root / shard))  # noqa: PTH208 - names, not paths
            except OSError:
                self._names = set()
            self._shard = shard
        return self._names


def _predictions(project: ProjectFolder, *, deep: bool) -> Inspection:
    with project.database.read() as session:
        paths = list(session.scalars(select(Predictions.path).order_by(Predictions.id.desc())))
    damage, gone = [], 0
    for path in paths:
        if not (project.path / path).is_dir():
            gone += 1  # old rounds may have been removed
            continue
        try:
            file = PredictionsFile(project.path / path)
            if deep:
                file.verify()
            else:
                file.check_columns()
        except FacelabelError as error:
            damage.append(error.what)
    do = "start a new round: `facelabel round`" if damage else ""
    return Inspection("predictions", f"{len(paths) - gone} of rounds and imports", tuple(damage[:_NAMED]), do)


def _snapshots(project: ProjectFolder) -> Inspection:
    with project.database.read() as session:
        names = list(session.scalars(select(Snapshot.name).order_by(Snapshot.id)))
    damage = []
    for name in names:
        try:
            verify_snapshot(project.snapshots / name)
        except FacelabelError as error:
            damage.append(error.what)
    do = "take a new snapshot, or restore a backup into another folder" if damage else ""
    return Inspection("snapshots", f"{len(names)}, every byte was checked", tuple(damage[:_NAMED]), do)


def _named_files(root: Path) -> Iterator[Path]:
    return (path for path in root.glob("??/*") if not path.name.startswith("."))


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
