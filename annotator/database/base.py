"""What a project's database offers, whichever engine it is of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import Session

from annotator.database.session import ProjectSession
from annotator.errors import FacelabelError
from annotator.project_cache import ProjectCache

BUSY_SECONDS = 30
"""Seconds that a writer waits for another one before it fails."""


class Writers(Enum):
    """Transactions of which only one writes at a time.

    Two kinds are by far the most frequent, and what they write hardly overlaps. So a transaction of either kind waits for its
    kind and for all that are of neither, but not for the other kind. In SQLite every transaction waits for every other one.
    """

    ALL = auto()
    ANSWERING = auto()
    """Transactions that keep the answer to one image, which end its lease."""
    ASSIGNING = auto()
    """Transactions that give images to a labeller: they write leases, and how far the order of work is used up."""


class Changes(Protocol):
    """Detects commits of other connections within microseconds."""

    def any(self) -> bool:
        """Return whether another connection has committed since the last call."""

    def close(self) -> None:
        """Close the connection."""


class Database(ABC):
    """A project's database.

    Args:
        engine: SQLAlchemy's engine.
    """

    def __init__(self, engine: Engine) -> None:
        self.cache = ProjectCache()
        self.engine = engine

    @property
    @abstractmethod
    def location(self) -> str:
        """Where the database is, for messages: a path, or a URL without a password."""

    # Statements that every request runs are constants and are executed on `session.connection()`: building a statement
    # and passing it through the ORM takes several times as long as the database's answer. For the same reason transactions
    # are begun here and not by SQLAlchemy's events: an engine with events looks for listeners at each statement.

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session that sees one consistent state and writes nothing."""
        with ProjectSession(self.engine, self.cache) as session:
            self._begin_reading(session.connection())
            yield session

    @abstractmethod
    def _begin_reading(self, connection: Connection) -> None:
        """Begin the transaction of a reading session."""

    @abstractmethod
    def write(
        self,
        *,
        durable: bool = True,
        references: bool = True,
        many: bool = False,
        among: Writers = Writers.ALL,
    ) -> AbstractContextManager[Session]:
        """Give a session that holds the write lock from its first statement, commits at the end and rolls back on an error.

        Args:
            durable: wait until the commit is on the disk. False is for leases and the progress of rounds, which survive a
                kill but need not survive a power cut. The next durable commit includes all commits before it.
            references: check that rows refer to rows that exist. To delete one answer, SQLite would search all labels for it;
                an erasure deletes what refers to it itself. PostgreSQL always checks.
            many: thousands of rows change, in no order. SQLite then keeps more of the file in memory: otherwise it writes a page
                again for every few rows. The connection may keep that memory, so it is for workers and commands.
            among: the transactions of which only this one writes.

        Raises:
            NoRoom: if the disk is full.
        """

    @abstractmethod
    def check_log(self) -> None:
        """Check, before the first use, that the log beside the database file is its own.

        Raises:
            FacelabelError: if it belongs to another file.
        """

    @abstractmethod
    def migrate(self) -> None:
        """Migrate to the newest revision; missing tables are created.

        Raises:
            FacelabelError: if a newer Facelabel made the database.
        """

    @abstractmethod
    def revision(self) -> str | None:
        """Return the migration revision; None if there are no tables.

        Raises:
            FacelabelError: if the database cannot be reached, is no project's database, or is damaged.
        """

    @abstractmethod
    def check_answers(self) -> None:
        """Read from the database.

        Raises:
            Busy: if it cannot be used, or is gone.
        """

    @abstractmethod
    def find_damage(self) -> list[str]:
        """What a quick check finds wrong; empty if the database is sound, or its server checks it itself."""

    @abstractmethod
    def checkpoint(self) -> None:
        """Move all data from the log into the database file."""

    @abstractmethod
    def check_can_copy(self) -> None:
        """Check that `copy_to` can copy a database of this engine.

        Raises:
            FacelabelError: if its server's own commands must do it.
        """

    @abstractmethod
    def copy_to(self, path: Path) -> None:
        """Write a copy of the whole database, of one moment, into a new file. Others may read and write meanwhile.

        Raises:
            NoRoom: if the disk of the copy is full.
            FacelabelError: if the database cannot be copied so.
        """

    @abstractmethod
    def overwrite_deleted(self) -> None:
        """Write the tables anew, so that their files hold no bytes of deleted rows.

        Raises:
            NoRoom: if the disk has no room for a second copy; nothing has changed then.
            Busy: if others keep it from being done; it can be called again.
        """

    def refresh_statistics(self) -> None:  # noqa: B027 - an engine may need none
        """Look at the rows anew after many were added: until then an engine may choose slow ways to find them."""

    @abstractmethod
    def sizes(self) -> dict[str, float]:
        """The bytes of each part of the database."""

    @abstractmethod
    def changes(self) -> Changes:
        """Begin to watch for commits of other connections."""

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def database_failure(error: Exception) -> FacelabelError | None:
    """What a user is told when the database cannot be used; None if `error` is of another kind."""
    if (
        not isinstance(error, OperationalError) and type(error) is not DatabaseError
    ):  # the latter: a damaged page
        return None
    return FacelabelError(
        "database_failed",
        f"The project's database could not be used: {_one_line(getattr(error, 'orig', error))}.",
        kept="Everything committed earlier is kept; the current step is not.",
        do="Call `facelabel doctor`. Make room if the disk is full, then call the command again.",
    )


def _one_line(error: object) -> str:
    return " ".join(str(error).split()).removesuffix(".")
