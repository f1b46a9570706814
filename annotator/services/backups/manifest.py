"""The manifest of a backup, and the checks of the copied database that it rests on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pysqlite3

from annotator import __version__
from annotator.database import BUSY_SECONDS
from annotator.domain.schema import canonical_json
from annotator.domain.timestamps import utc_text
from annotator.errors import Conflict, FacelabelError
from annotator.files import write_atomically
from annotator.formats.snapshot.csv_text import csv_line
from annotator.formats.snapshot.manifest import hash_manifest, sha256_of
from annotator.project import ProjectFolder
from annotator.services.backups.contents import COLUMNS, Entry
from annotator.services.backups.folder import DATABASE, FILES, FORMAT, MANIFEST
from annotator.services.backups.places import note_begin, note_end

Progress = Callable[[int, int], None]
"""Called with the number of files done, and the number expected."""
COUNTED_TABLES = ("images", "submissions", "annotations", "labels", "labellers", "rounds", "snapshots")
"""The tables whose rows a manifest counts."""
_TRIES = 3
_NAMED = 20
"""Missing files that a manifest names."""


@dataclass
class BackupReport:
    """What was made: where, how much is new, the image files that the project lacks, or the store that has them instead."""

    path: Path
    name: str
    counts: dict[str, int] = field(default_factory=dict)
    files: int = 0
    new_files: int = 0
    new_bytes: int = 0
    removed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    images_in: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return vars(self) | {"path": str(self.path)}


class BackupWriter:
    """The three files of one backup: the database first, then the list of its files, and the manifest last.

    Args:
        project: the project.
        folder: the folder that gets them.
        report: what is known of the backup; it is filled while files are listed.
        progress: is told the progress.
        expected: the number of files that are expected.
    """

    def __init__(
        self,
        project: ProjectFolder,
        folder: Path,
        report: BackupReport,
        progress: Progress,
        expected: int = 0,
    ) -> None:
        self._project, self._folder, self._report = project, folder, report
        self._progress = progress
        self._created_at = datetime.now(UTC)
        project.database.copy_to(folder / DATABASE)
        facts = inspect_database(folder / DATABASE)
        self._facts, self._expected = facts, expected or facts.counts["images"]
        report.counts = facts.counts
        report.images_in = project.stores.url
        self._images = _image_files(folder / DATABASE)
        self._wanted = None if report.images_in else next(self._images, None)
        self._lines = (folder / FILES).open("w", encoding="utf-8", errors="surrogateescape", newline="")
        self._lines.write(csv_line(COLUMNS))

    def list(self, entry: Entry) -> None:
        """Add a file to the list; files come in the order of `contents.walk`."""
        self._lines.write(entry.line())
        self._report.files += 1
        if entry.name.startswith("images/"):
            while self._wanted is not None and self._wanted < entry.name:
                self._report.missing.append(self._wanted)
                self._wanted = next(self._images, None)
            if self._wanted == entry.name:
                self._wanted = next(self._images, None)
        self._progress(self._report.files, max(self._expected, self._report.files))

    def finish(self) -> None:
        """Write the manifest.

        Raises:
            Conflict: if something was erased for good since the database was copied.
        """
        self._lines.close()
        while self._wanted is not None:
            self._report.missing.append(self._wanted)
            self._wanted = next(self._images, None)
        if inspect_erasures(self._project.database_file) != self._facts.erasures:
            raise Conflict(
                "erased_meanwhile", "Something was erased for good during the backup.", do="Try again."
            )
        manifest = {
            "counts": self._facts.counts,
            "created_at": utc_text(self._created_at),
            "database": _entry_of(self._folder / DATABASE),
            "files": {"count": self._report.files, **_entry_of(self._folder / FILES)},
            "format": FORMAT,
            "missing": {"count": len(self._report.missing), "first": self._report.missing[:_NAMED]},
            "project": self._facts.name,
            "revision": self._facts.revision,
            "token": self._facts.token,
            "tool": f"facelabel {__version__}",
            "version": 1,
        }
        if self._report.images_in:
            manifest["images_in"] = self._report.images_in
        manifest["manifest_hash"] = hash_manifest(manifest)
        write_atomically(self._folder / MANIFEST, canonical_json(manifest).encode())

    def close(self) -> None:
        """Close what is open."""
        self._lines.close()
        self._images.close()


@dataclass(frozen=True)
class DatabaseFacts:
    """What a manifest says about a database."""

    name: str
    token: str
    revision: str
    erasures: int
    counts: dict[str, int]


def inspect_database(file: Path) -> DatabaseFacts:
    """Check a closed database file and count its rows.

    Raises:
        FacelabelError: if it is damaged.
    """
    try:
        with closing(pysqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)) as database:
            lines = [line for (line,) in database.execute("PRAGMA quick_check(5)")]
            if lines != ["ok"]:
                raise _damaged("; ".join(lines).replace("\n", " "))
            [(name, token)] = database.execute("SELECT name, token FROM project").fetchall()
            [(revision,)] = database.execute("SELECT version_num FROM alembic_version").fetchall()
            counts = {
                table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - our names
                for table in COUNTED_TABLES
            }
            [(erasures,)] = database.execute("SELECT count(*) FROM erasures").fetchall()
    except (pysqlite3.Error, ValueError) as error:
        raise _damaged(str(error)) from error
    return DatabaseFacts(name, token, revision, erasures, counts)


def inspect_erasures(file: Path) -> int:
    """Return the number of erasures of a project that others use."""
    with closing(pysqlite3.connect(file, timeout=BUSY_SECONDS)) as database:
        return int(database.execute("SELECT count(*) FROM erasures").fetchone()[0])


def project_identity(project: ProjectFolder) -> tuple[str, str]:
    """Return the project's token, and the name of its folder.

    Raises:
        FacelabelError: if the database is damaged, or a server's, which its own commands back up.
    """
    project.database.check_can_copy()
    try:
        with closing(pysqlite3.connect(project.database_file, timeout=BUSY_SECONDS)) as database:
            return str(database.execute("SELECT token FROM project").fetchone()[0]), project.name
    except pysqlite3.Error as error:
        raise _damaged(str(error)) from error


@contextmanager
def noted(project: ProjectFolder, path: Path, kind: str) -> Iterator[None]:
    """Note in the project that a backup is made, and how it ended."""
    note_begin(project, path, kind)
    try:
        yield
    except FacelabelError as error:
        note_end(project, path, kind, error.what)
        raise
    note_end(project, path, kind)


def try_again(make: Callable[[], BackupReport]) -> BackupReport:
    """Make a backup, and make it anew if something was erased for good meanwhile."""
    for _ in range(_TRIES - 1):
        try:
            return make()
        except Conflict:
            continue
    return make()


def _image_files(file: Path) -> Generator[str]:
    """The files of all images of a database, in the order of `contents.walk`."""
    with closing(pysqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)) as database:
        for sha256, extension in database.execute("SELECT sha256, extension FROM images ORDER BY sha256"):
            yield f"images/{sha256[:2]}/{sha256}.{extension}"


def _entry_of(file: Path) -> dict[str, Any]:
    return {"bytes": file.stat().st_size, "sha256": sha256_of(file)}


def _damaged(what: str) -> FacelabelError:
    return FacelabelError(
        "damaged_database",
        f"The project's database is damaged: {what}.",
        kept="No backup was made; earlier backups are kept.",
        do="Call `facelabel doctor`, and restore the newest backup into another folder: `facelabel restore`.",
    )
