"""The project folder: the places of its parts, and opening it."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from annotator.config import Settings
from annotator.database import Database, open_database
from annotator.database.link import LINK, named_database, read_link, require_own_file
from annotator.database.moved import UNFINISHED_REVISION
from annotator.domain.project_files import is_part
from annotator.errors import Busy, FacelabelError, WrongUse
from annotator.files import hold_folder, keep_private, write_atomically
from annotator.in_use import InUse, require_writable
from annotator.store.base import Stores
from annotator.store.bucket import check_url
from annotator.store.folder import FolderStores
from annotator.store.remote import RemoteStores


@dataclass(frozen=True)
class ProjectFolder:
    """One folder with one dataset.

    attributes.toml   the schema as a person writes it
    facelabel.db      the images, and all answers about them
    images/           the image files, named by their content: ab/abcd….jpg
    photos/           the photos that images were cut from, named by their content; never served or exported
    views/            the images as the browser shows them: upright JPEGs without metadata, at most 1024 pixels a side
    snapshots/        exported datasets
    exports/          datasets in the formats of other tools
    rounds/           models and predictions, a folder per round
    networks/         added networks whose features probes may use, a folder each
    imports/          a report per imported source: what was imported and refused
    uploads/          files that were uploaded to be imported, until they are imported
    erasures/         a receipt per erasure: what was erased for good, without names
    workers/          a file per running worker, whose lock shows that it lives
    cache/            features, and parts of images for the label page; it may be deleted
    access.jsonl      the access log as a file, without names; older parts are access.jsonl.1 …
    secret.key        signs login cookies
    .facelabel.lock   which processes use the project (annotator/in_use.py)
    store.url         the address of the object storage that holds images, photos and views instead of the folder
    database.json     in place of facelabel.db: which PostgreSQL database holds the rest (annotator/database/link.py)
    """

    path: Path

    @property
    def name(self) -> str:
        """The name that the pages show."""
        return self.path.resolve().name

    @property
    def schema_file(self) -> Path:
        """attributes.toml."""
        return self.path / "attributes.toml"

    @property
    def database_file(self) -> Path:
        """The SQLite file."""
        return self.path / "facelabel.db"

    @property
    def exists(self) -> bool:
        """Whether the folder is a project's."""
        return self.database_file.exists() or (self.path / LINK).exists()

    @cached_property
    def stores(self) -> Stores:
        """What reads and writes the files of images, photos and views: nothing else opens them."""
        url = self.store_url()
        return (
            RemoteStores(url, self.cache / "store", Settings().store_cache_bytes)
            if url
            else FolderStores(self.path)
        )

    @property
    def store_file(self) -> Path:
        """The file with the address of the object storage that holds the images; absent if they are in the folder."""
        return self.path / "store.url"

    def store_url(self) -> str:
        """Return the address in `store_file`; "" if there is none."""
        try:
            return self.store_file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""

    @property
    def snapshots(self) -> Path:
        """The default folder of snapshots."""
        return self.path / "snapshots"

    @property
    def exports(self) -> Path:
        """The default folder of exports."""
        return self.path / "exports"

    @property
    def rounds(self) -> Path:
        """The folder of the rounds, each with its model and predictions."""
        return self.path / "rounds"

    def round_folder(self, number: int) -> Path:
        """Return the folder of a round."""
        return self.rounds / f"{number:04d}"

    @property
    def networks(self) -> Path:
        """The folder of the networks that were added, each with its weights."""
        return self.path / "networks"

    @property
    def imports(self) -> Path:
        """The folder of the reports of imports."""
        return self.path / "imports"

    @property
    def uploads(self) -> Path:
        """The folder of the uploaded files, each in its own folder."""
        return self.path / "uploads"

    @property
    def erasures(self) -> Path:
        """The folder of the receipts of erasures."""
        return self.path / "erasures"

    @property
    def access_log(self) -> Path:
        """The file of the access log."""
        return self.path / "access.jsonl"

    @property
    def cache(self) -> Path:
        """The folder of what can be computed again."""
        return self.path / "cache"

    def secret_key(self) -> bytes:
        """Return the random key that signs login cookies; a missing key is created, readable only by its owner."""
        file = self.path / "secret.key"
        if not file.exists():
            key = secrets.token_bytes(32)
            if not self.exists:
                return key  # there is no project: the app only describes its API
            keep_private()
            with hold_folder(self.path):  # of two servers that start at once, one makes it
                if not file.exists():
                    write_atomically(file, key)
        return file.read_bytes()

    def make_private(self) -> None:
        """Let only the owner read the project's files and folders, also those that an earlier version wrote.

        The project's folder itself is left to the user if it holds other things too. What belongs to another user stays as it is.
        """
        entries = list(os.scandir(self.path))
        ours = [entry for entry in entries if is_part(entry.name)]
        with suppress(PermissionError):
            for entry in ours:
                if not entry.is_symlink() and entry.stat().st_mode & _OTHERS:
                    _make_private(entry)
            if len(ours) == len(entries):
                self.path.chmod(0o700)

    @cached_property
    def in_use(self) -> InUse:
        """The lock that shows other processes that this one uses the project."""
        require_writable(self.path)
        return InUse(self.path / ".facelabel.lock")

    @cached_property
    def database(self) -> Database:
        """The open database, one per project object: the one that database.json names, or else facelabel.db."""
        link = read_link(self.path)
        return open_database(self.database_file if link is None else named_database() or link.url)

    def check_store(self, wanted: str) -> None:
        """Check that the setting FACELABEL_STORE, if it is set, names where the images of this project are.

        Raises:
            WrongUse: if it names another place.
        """
        if wanted and check_url(wanted) != (recorded := self.store_url()):
            raise WrongUse(
                "other_store",
                f"The images of this project are in {recorded or 'its folder'}, and FACELABEL_STORE names another place.",
                do="Unset FACELABEL_STORE, or open the project that belongs to it.",
            )

    @classmethod
    def open(cls, path: Path) -> ProjectFolder:
        """Open a project and migrate its database to the newest revision, unless processes of an older version use it.

        Raises:
            WrongUse: if the folder is not a project.
            FacelabelError: if the database is damaged, of a newer Facelabel, beside the log of another file, of another project,
                or must be migrated while others use it.
        """
        keep_private()
        project = cls(path)
        link = read_link(path)
        if link is None:
            if not project.database_file.is_file():
                raise WrongUse(
                    "no_project",
                    f"{path.resolve()} is not a Facelabel project: it has no facelabel.db.",
                    do="Call `facelabel init` there, or name the project with --project FOLDER.",
                )
            require_own_file(project.database_file)
        project.check_store(Settings().store)
        project.in_use.share()
        project.database.check_log()
        revision = project.database.revision()
        if revision is None:
            place = project.database_file if link is None else f"The database {link.url}"
            raise FacelabelError(
                "bad_database",
                f"{place} has no tables, as if it had been emptied.",
                do="Restore a backup into another folder, or name another project with --project FOLDER.",
            )
        if revision == UNFINISHED_REVISION:
            raise FacelabelError(
                "unfinished_move",
                f"A move to the database of {path.resolve()} was interrupted, or is under way.",
                kept="The project is whole in its present database.",
                do="Call `facelabel move` again to finish it.",
            )
        if link is not None:
            link.check(project.database)
        if revision < NEWEST_REVISION:
            project._migrate_alone()
        elif revision != NEWEST_REVISION:
            project.database.migrate()  # which refuses a newer one
        return project

    def _migrate_alone(self) -> None:
        """Migrate the database, or refuse while processes of another version use it.

        A process that holds the lock has opened this database before, so it is of the version that the database has.
        """
        database = self.database
        if not self.in_use.alone(lambda: database.revision() != NEWEST_REVISION, database.migrate):
            raise Busy(
                "older_version_runs",
                f"This version of Facelabel must change the tables of {self.path.resolve()}, and servers, workers or commands "
                "of an older version use them.",
                kept="Nothing was changed; they go on.",
                do="Stop all of them, on all machines. Then call this again.",
            )


_OTHERS = 0o077


def _make_private(entry: os.DirEntry[str]) -> None:
    """Take all rights of others; a folder's own last, so that an interrupted walk is begun again."""
    if entry.is_dir(follow_symlinks=False):
        for place, folders, files in os.walk(entry.path):
            for name in files:
                _chmod(f"{place}/{name}", 0o600)
            for name in folders:
                _chmod(f"{place}/{name}", 0o700)
        _chmod(entry.path, 0o700)
    else:
        _chmod(entry.path, 0o600)


def _chmod(path: str, mode: int) -> None:
    with suppress(FileNotFoundError):
        if not os.path.islink(path):  # noqa: PTH114 - for millions of files
            os.chmod(path, mode)  # noqa: PTH101


NEWEST_REVISION = "0041"
"""The newest migration in alembic/versions; a test compares them."""
