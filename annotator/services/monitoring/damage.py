"""Look for damage: in the database, in the files of images, in predictions and snapshots. It finds it and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import pysqlite3
from sqlalchemy import select, text

from annotator.database import BUSY_SECONDS
from annotator.database.sqlite import SqliteDatabase
from annotator.domain.plurals import counted
from annotator.errors import FacelabelError
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.formats.snapshot.writer import verify_snapshot
from annotator.models import Predictions, Snapshot
from annotator.project import ProjectFolder
from annotator.services.monitoring.rows import wrong_rows
from annotator.store.base import ContentStore
from annotator.store.bucket import StoreUnreachable

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
    except StoreUnreachable as error:
        return Inspection(name, "they cannot be checked now", (error.what,), error.do)
    except Exception as error:  # noqa: BLE001 - a damaged project may fail anywhere, and the user is to see the rest
        what = str(error).split("\n", maxsplit=1)[0] or type(error).__name__
        return Inspection(name, "it cannot be read", (f"It cannot be read: {what}",), _RESTORE)


_RESTORE = "restore the newest backup into another folder: `facelabel restore BACKUP FOLDER`"


def _database(project: ProjectFolder, *, deep: bool) -> Inspection:
    if not isinstance(project.database, SqliteDatabase):
        return _database_server(project)
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
            for table in _COUNTED
        }
    detail = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    return Inspection("database", f"sound: {detail}" + (", every row was read" if deep else ""))


def _database_server(project: ProjectFolder) -> Inspection:
    """Count rows in PostgreSQL, whose server checks its pages itself."""
    with project.database.read() as session:
        counts = {
            table: session.scalar(text(f"SELECT count(*) FROM {table}"))  # noqa: S608 - our names
            for table in _COUNTED
        }
    detail = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    return Inspection("database", f"answers: {detail}; pg_amcheck checks it")


_COUNTED = ("images", "submissions", "annotations", "labels", "rounds")


def _images(project: ProjectFolder, deep: bool, progress: Progress) -> Inspection:
    with project.database.read() as session:
        total = session.scalar(text("SELECT count(*) FROM images")) or 0
        query = text("SELECT name, sha256, extension, photo_sha256 FROM images ORDER BY sha256")
        rows = session.execute(query.execution_options(yield_per=10_000))
        missing: list[str] = []
        changed: list[str] = []
        stores = project.stores
        listed = _Listing(stores.images), _Listing(stores.views)
        for number, (name, sha256, extension, _photo) in enumerate(rows):
            has_image = f"{sha256}.{extension}" in listed[0].of(sha256[:2])
            if not has_image or f"{sha256}.jpg" not in listed[1].of(sha256[:2]):
                missing.append(name)
            elif deep and stores.images.content_hash(sha256, extension) != sha256:
                changed.append(name)
            progress(number + 1, total)
    if deep:
        changed += _changed_photos(stores.photos)
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
    how += f" in {stores.url}" if stores.url else ""
    do = "import these images again, or restore the newest backup into another folder" if damage else ""
    return Inspection("images", f"{total:,}, {how}" if not damage else f"{total:,}", tuple(damage), do)


class _Listing:
    """The names of the files of a store, one of its folders at a time."""

    def __init__(self, store: ContentStore) -> None:
        self._store, self._shard = store, ""
        self._names: set[str] = set()

    def of(self, shard: str) -> set[str]:
        if shard != self._shard:
            self._names, self._shard = self._store.list(shard), shard
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


def _changed_photos(photos: ContentStore) -> list[str]:
    names = (name for shard in sorted(photos.shards()) for name in photos.list(shard))
    parts = (name.rpartition(".") for name in names if not name.startswith("."))
    return [f"{stem}.{end}" for stem, _, end in parts if photos.content_hash(stem, end) != stem]
