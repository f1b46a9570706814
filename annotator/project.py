"""The project folder: where its parts are, how it is made and opened."""

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
    facelabel.db      everything that was said about the images
    images/           the image files by content, ab/abcd….jpg
    photos/           photos that images were cut from, as they came, by content; never served or exported
    views/            what the browser shows: upright JPEGs without metadata, at most 1024 pixels
    snapshots/        exported datasets
    exports/          datasets in the formats of other tools
    rounds/           models and predictions, a folder per round
    imports/          what each import took and refused, a file per source
    uploads/          files that were sent to the server to be imported, until they are
    cache/            features; may be deleted
    secret.key        signs the cookies of logins
    """

    path: Path

    @property
    def name(self) -> str:
        """The name shown on the pages."""
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
        """The root of what the browser shows."""
        return self.path / "views"

    @property
    def snapshots(self) -> Path:
        """Where snapshots go unless the user says otherwise."""
        return self.path / "snapshots"

    @property
    def exports(self) -> Path:
        """Where the formats of other tools go unless the user says otherwise."""
        return self.path / "exports"

    @property
    def rounds(self) -> Path:
        """A folder per round: model, predictions."""
        return self.path / "rounds"

    def round_folder(self, number: int) -> Path:
        """The folder of one round."""
        return self.rounds / f"{number:04d}"

    @property
    def imports(self) -> Path:
        """A report per import."""
        return self.path / "imports"

    @property
    def uploads(self) -> Path:
        """A folder per uploaded file."""
        return self.path / "uploads"

    @property
    def cache(self) -> Path:
        """What can be computed again."""
        return self.path / "cache"

    def secret_key(self) -> bytes:
        """The random key that signs login cookies; made when it is missing, readable by its owner only."""
        file = self.path / "secret.key"
        if not file.exists():
            made = secrets.token_bytes(32)
            if not self.database_file.exists():
                return made  # there is no project: the app only describes itself
            umask = os.umask(0o077)
            try:
                write_atomically(file, made)
            finally:
                os.umask(umask)
        return file.read_bytes()

    @cached_property
    def database(self) -> Database:
        """The open database; one engine per project object."""
        return Database(self.database_file)

    @classmethod
    def open(cls, path: Path) -> ProjectFolder:
        """Open an existing project and bring its database to the newest revision."""
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


NEWEST_REVISION = "0019"
"""The newest migration in alembic/versions; a test compares them."""
