"""The database of a project: one engine, sessions that read or write, migrations.

SQLite is opened through pysqlite3, which brings a recent version: before 3.51.3, a write during another connection's
checkpoint in WAL mode could lose committed data. `synchronous=FULL` makes a commit survive a power cut. Every writing
transaction begins with BEGIN IMMEDIATE, because a deferred transaction that becomes a write may fail with "database is
locked".
"""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pysqlite3
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from annotator.db_generation import DatabaseGeneration, new_mark
from annotator.errors import Busy, FacelabelError, NoRoom
from annotator.project_cache import ProjectCache
from annotator.resources import resource

__all__ = ["Changes", "Database", "Session", "database_failure"]

_NO_ROOM = 2**20
"""With fewer free bytes, an I/O error means a full disk: SQLite could not grow the file that processes share."""

BUSY_SECONDS = 30
"""Seconds that a writer waits for another one before it fails."""


class Database:
    """A project's database file.

    Args:
        path: the SQLite file; `migrate` creates it if it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cache = ProjectCache()
        self.engine: Engine = create_engine(
            f"sqlite:///{path}",
            module=pysqlite3,
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        )
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", _begin)
        self._writing = self.engine.execution_options(synchronous="FULL")
        self._lending = self.engine.execution_options(synchronous="NORMAL")
        self._turn = threading.Lock()
        self.generation = DatabaseGeneration(path)

    # Statements that every request runs are constants and are executed on `session.connection()`: building a statement
    # and passing it through the ORM takes several times as long as SQLite's answer.

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session that sees one consistent state and writes nothing."""
        with Session(self.engine, info={"project_cache": self.cache}) as session:
            yield session

    @contextmanager
    def write(self, *, durable: bool = True, references: bool = True) -> Iterator[Session]:
        """Give a session that holds the write lock from its first statement, commits at the end and rolls back on an error.

        Args:
            durable: wait until the commit is on the disk. False is for leases and the progress of rounds, which survive a
                kill but need not survive a power cut. The next durable commit includes all commits before it.
            references: check that rows refer to rows that exist. To delete one answer, SQLite would search all labels for it;
                an erasure deletes what refers to it itself.

        Raises:
            NoRoom: if the disk is full.
        """
        # A writer that finds SQLite's lock held sleeps longer each time, while others overtake it. The threads of one
        # process therefore wait here in turn, and only processes compete for SQLite's lock.
        engine = self._writing if durable else self._lending
        if not references:
            engine = engine.execution_options(unchecked=True)
        info = {"project_cache": self.cache}
        try:
            with self._turn, Session(engine, expire_on_commit=False, info=info) as session, session.begin():
                connection = session.connection()
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

    def _set_mark(self, connection: Connection) -> None:
        """Give the file a new mark, if one is due (annotator/db_generation)."""
        if self.generation.needs_mark():
            current = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            connection.exec_driver_sql(f"PRAGMA user_version={self.generation.new_mark(current)}")

    def _is_full(self, message: str) -> bool:
        is_full = "disk I/O error" in message and shutil.disk_usage(self.path.parent).free < _NO_ROOM
        return is_full or "disk is full" in message

    def migrate(self) -> None:
        """Migrate the file to the newest revision; a missing file is created.

        SQLite changes a table by writing a new one and dropping the old one, which breaks references for a moment. They are
        therefore checked only at the end.

        Raises:
            FacelabelError: if a newer Facelabel made the database.
        """
        with self._writing.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("PRAGMA foreign_keys=OFF")
            try:
                _run_alembic(connection)
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

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        self.generation.close()


def database_failure(error: Exception) -> FacelabelError | None:
    """What a user is told when SQLite cannot use the database; None if `error` is of another kind."""
    if (
        not isinstance(error, OperationalError) and type(error) is not DatabaseError
    ):  # the latter: a damaged page
        return None
    return FacelabelError(
        "database_failed",
        f"The project's database could not be used: {getattr(error, 'orig', error)}.",
        kept="Everything committed earlier is kept; the current step is not.",
        do="Call `facelabel doctor`. Make room if the disk is full, then call the command again.",
    )


class Changes:
    """Detects commits of other connections within microseconds.

    Args:
        database: the database, whose file exists.
    """

    def __init__(self, database: Database) -> None:
        self._connection = pysqlite3.connect(database.path, isolation_level=None)
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
    connection.isolation_level = None  # _begin begins transactions
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    synchronous, unchecked = options.get("synchronous"), options.get("unchecked", False)
    if unchecked != connection.info.get("unchecked", False):
        connection.exec_driver_sql(f"PRAGMA foreign_keys={'OFF' if unchecked else 'ON'}")
        connection.info["unchecked"] = unchecked
    if synchronous is not None:
        connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
    connection.exec_driver_sql("BEGIN" if synchronous is None else "BEGIN IMMEDIATE")


def _run_alembic(connection: Connection) -> None:
    # Alembic is imported here, because only commands migrate.
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    from alembic import command  # noqa: PLC0415

    config = Config(stdout=sys.stderr)
    config.set_main_option("script_location", str(resource("alembic")))
    config.attributes["connection"] = connection
    try:
        ScriptDirectory.from_config(config)
        command.upgrade(config, "head")
    except CommandError as error:
        raise FacelabelError(
            "newer_database",
            f"The project's database was made by another version of Facelabel: {error}.",
            do="Use the version of Facelabel that made it, or a newer one.",
        ) from error
