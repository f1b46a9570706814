"""The project folder: the places of its parts, and opening it."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from annotator.db import Database
from annotator.errors import WrongUse
from annotator.files import write_atomically


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
    cache/            features, and parts of images for the label page; it may be deleted
    access.jsonl      the access log as a file, without names; older parts are access.jsonl.1 …
    secret.key        signs login cookies
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
    def images(self) -> Path:
        """The root of the image files."""
        return self.path / "images"

    @property
    def photos(self) -> Path:
        """The root of the photos that images were cut from."""
        return self.path / "photos"

    @property
    def views(self) -> Path:
        """The root of the views."""
        return self.path / "views"

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
            if not self.database_file.exists():
                return key  # there is no project: the app only describes its API
            umask = os.umask(0o077)
            try:
                write_atomically(file, key)
            finally:
                os.umask(umask)
        return file.read_bytes()

    @cached_property
    def database(self) -> Database:
        """The open database, one per project object."""
        return Database(self.database_file)

    @classmethod
    def open(cls, path: Path) -> ProjectFolder:
        """Open a project and migrate its database to the newest revision.

        Raises:
            WrongUse: if the folder is not a project.
            FacelabelError: if the database is damaged, or of a newer Facelabel.
        """
        project = cls(path)
        if not project.database_file.is_file():
            raise WrongUse(
                "no_project",
                f"{path.resolve()} is not a Facelabel project: it has no facelabel.db.",
                do="Call `facelabel init` there, or name the project with --project FOLDER.",
            )
        if project.database.revision() != NEWEST_REVISION:
            project.database.migrate()
        return project


NEWEST_REVISION = "0026"
"""The newest migration in alembic/versions; a test compares them."""
