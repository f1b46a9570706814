"""A project's database in SQLite: one file.

It is opened through pysqlite3, which brings a recent version: before 3.51.3, a write during another connection's
checkpoint in WAL mode could lose committed data. `synchronous=FULL` makes a commit survive a power cut. Every writing
transaction begins with BEGIN IMMEDIATE, because a deferred transaction that becomes a write may fail with "database is
locked".
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pysqlite3
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from annotator.database.base import BUSY_SECONDS, Database, Writers
from annotator.database.generation import DatabaseGeneration, new_mark
from annotator.database.migrations import upgrade
from annotator.database.moved import moved_away
from annotator.database.session import ProjectSession
from annotator.errors import Busy, FacelabelError, NoRoom

_MANY_KIB = 64 * 1024
"""Memory of a connection for pages of the file, while many rows change; SQLite's own 2 MiB are for a few rows."""
_NO_ROOM = 2**20
"""With fewer free bytes, an I/O error means a full disk: SQLite could not grow the file that processes share."""


class SqliteDatabase(Database):
    """A project's database file.

    Args:
        path: the SQLite file; `migrate` creates it if it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        engine = create_engine(
            f"sqlite:///{path}",
            module=pysqlite3,
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        )
        super().__init__(engine)
        event.listen(self.engine, "connect", _configure)
        self._turn = threading.Lock()
        self.generation = DatabaseGeneration(path)

    @property
    def location(self) -> str:
        """The path."""
        return str(self.path)

    @contextmanager
    def write(
        self,
        *,
        durable: bool = True,
        references: bool = True,
        many: bool = False,
        among: Writers = Writers.ALL,
    ) -> Iterator[Session]:
        """Give a session that writes, as the base class says; it is the only one of all writers."""
        del among
        # A writer that finds SQLite's lock held sleeps longer each time, while others overtake it. The threads of one
        # process therefore wait here in turn, and only processes compete for SQLite's lock.
        try:
            with self._turn, ProjectSession(self.engine, self.cache) as session, session.begin():
                connection = session.connection()
                _set_up(connection, durable=durable, references=references, many=many)
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                if durable:
                    self._set_mark(connection)
                yield session
        except OperationalError as error:
            if not self._is_full(str(error.orig)):
                raise
            raise NoRoom(
                "no_room",
                f"The disk has no room for the database ({error.orig}).",
                kept="What was kept before is safe.",
                do="Make room, and try again.",
            ) from error
        except DBAPIError as error:
            moved = moved_away(error)
            if moved is None:
                raise
            raise moved from error

    def _begin_reading(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    def _set_mark(self, connection: Connection) -> None:
        """Give the file a new mark, if one is due (annotator/database/generation)."""
        if self.generation.needs_mark():
            current = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            connection.exec_driver_sql(f"PRAGMA user_version={self.generation.new_mark(current)}")

    def _is_full(self, message: str) -> bool:
        is_full = "disk I/O error" in message and shutil.disk_usage(self.path.parent).free < _NO_ROOM
        return is_full or "disk is full" in message

    def check_log(self) -> None:
        """Check the marks of annotator/database/generation."""
        self.generation.check()

    def migrate(self) -> None:
        """Migrate the file to the newest revision; a missing file is created.

        SQLite changes a table by writing a new one and dropping the old one, which breaks references for a moment. They are
        therefore checked only at the end.

        Raises:
            FacelabelError: if a newer Facelabel made the database.
        """
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("PRAGMA foreign_keys=OFF")
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                upgrade(connection)
                broken = driver.execute("PRAGMA foreign_key_check").fetchall()
                assert not broken, f"a migration broke references: {broken[:3]}"
            finally:
                driver.execute("PRAGMA foreign_keys=ON")

    def revision(self) -> str | None:
        """Return the migration revision of the file; None if it has none.

        Raises:
            FacelabelError: if the file is not a database, or is damaged.
        """
        find_table = text("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'")
        try:
            with self.read() as session:
                tables = session.scalar(find_table)
                return session.scalar(text("SELECT version_num FROM alembic_version")) if tables else None
        except DatabaseError as error:
            raise FacelabelError(
                "bad_database",
                f"{self.path} cannot be used as a project's database: {error.orig}.",
                do="Restore it from an undamaged copy, or name another project with --project FOLDER.",
            ) from error

    def check_answers(self) -> None:
        """Read from the database.

        Raises:
            Busy: if it cannot be used, or its file is gone.
        """
        try:
            with self.read() as session:
                answers = session.scalar(text("SELECT count(*) FROM project"))
        except DatabaseError as error:
            raise Busy("database_failed", f"The database cannot be read: {error.orig}.") from error
        if not answers or not self.path.is_file():
            raise Busy("database_failed", "The database is gone.")

    def find_damage(self) -> list[str]:
        """What SQLite's quick check finds wrong with the file; empty if it is sound."""
        with self.read() as session:
            lines = list(session.scalars(text("PRAGMA quick_check")))
        return [] if lines == ["ok"] else lines

    def checkpoint(self) -> None:
        """Move all data from the write-ahead log into the database file."""
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def check_can_copy(self) -> None:
        """Do nothing: SQLite copies itself."""

    def copy_to(self, path: Path) -> None:
        """Write a copy of the whole database, of one moment, into a new file. Others may read and write meanwhile.

        Raises:
            NoRoom: if the disk of the copy is full.
            FacelabelError: if the database cannot be read, or the copy cannot be written.
        """
        try:
            with closing(pysqlite3.connect(path)) as copy:
                with closing(pysqlite3.connect(self.path, timeout=BUSY_SECONDS)) as source:
                    source.backup(copy)
                # One file, which needs no log; its mark is new, so that it can never be taken for the file that it copies.
                copy.execute("PRAGMA journal_mode=DELETE").fetchall()
                copy.execute(f"PRAGMA user_version={new_mark()}")
        except pysqlite3.Error as error:
            full = "disk is full" in str(error) or shutil.disk_usage(path.parent).free < _NO_ROOM
            raise (NoRoom if full else FacelabelError)(
                "cannot_copy",
                f"The database {self.path} could not be copied to {path.parent}: {error}.",
                kept="The project is unchanged.",
                do="Make room there." if full else "Call `facelabel doctor`.",
            ) from error

    def overwrite_deleted(self) -> None:
        """Write the file anew and empty the write-ahead log, so that neither holds bytes of deleted rows.

        Others may read and write meanwhile; writers wait. It takes a second per some 70 MB.

        Raises:
            NoRoom: if the disk has no room for a second copy of the database; nothing has changed then.
            Busy: if a reader keeps the log from being emptied; it can be called again.
        """
        try:
            with self.engine.connect() as connection:
                driver = connection.connection.driver_connection
                assert driver is not None
                driver.execute("PRAGMA secure_delete=ON")
                driver.execute("VACUUM")
                driver.execute("PRAGMA secure_delete=OFF")
                [(blocked, _, _)] = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except pysqlite3.OperationalError as error:
            if not self._is_full(str(error)):
                raise Busy("database_busy", f"The database could not be written anew ({error}).") from error
            raise NoRoom(
                "no_room", f"The disk has no room to write {self.path.name} anew ({error}).", do="Make room."
            ) from error
        if blocked:
            raise Busy("database_busy", "A reader kept the database's log from being emptied.")

    def sizes(self) -> dict[str, float]:
        """The bytes of the file and of its log."""
        files = {"database": self.path, "log": Path(f"{self.path}-wal")}
        return {name: float(path.stat().st_size) for name, path in files.items() if path.exists()}

    def changes(self) -> SqliteChanges:
        """Watch the file for commits of other connections."""
        return SqliteChanges(self.path)

    def close(self) -> None:
        """Close all connections."""
        super().close()
        self.generation.close()


class SqliteChanges:
    """Detects commits of other connections by SQLite's `data_version`.

    Args:
        path: the file, which exists.
    """

    def __init__(self, path: Path) -> None:
        self._connection = pysqlite3.connect(path, isolation_level=None)
        self._seen = self._version()

    def any(self) -> bool:
        """Return whether another connection has committed since the last call."""
        before, self._seen = self._seen, self._version()
        return self._seen != before

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])


def _configure(connection: Any, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # read and write begin transactions
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _set_up(connection: Connection, *, durable: bool, references: bool, many: bool) -> None:
    """Give a connection the settings of a writing session, where it does not have them from an earlier one."""
    settings = {"synchronous": "FULL" if durable else "NORMAL", "foreign_keys": "ON" if references else "OFF"}
    if many:
        settings["cache_size"] = f"-{_MANY_KIB}"
    known: dict[Any, Any] = connection.info
    for name, value in settings.items():
        if known.get(name) != value:
            connection.exec_driver_sql(f"PRAGMA {name}={value}")
            known[name] = value
