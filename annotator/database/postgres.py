"""A project's database in PostgreSQL, through psycopg 3.

One transaction writes at a time, as in SQLite: each takes the project's advisory lock with its first statement and has it until
its end. It then reads what was committed before (READ COMMITTED), so that the services need no other rule than with SQLite.
Readers wait for nobody (REPEATABLE READ).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.numeric import NumericLoader
from sqlalchemy import Boolean, Engine, Integer, create_engine, event, make_url, text
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGDDLCompiler, PGTypeCompiler
from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg, PGDialect_psycopg
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeEngine

from annotator.database.base import BUSY_SECONDS, Database
from annotator.database.migrations import upgrade
from annotator.database.moved import moved_away
from annotator.errors import Busy, FacelabelError, NoRoom, WrongUse

WRITER, _MIGRATION = 0x66616365, 0x6D696772
"""The numbers of the advisory locks; PostgreSQL keeps those of each database apart."""
_CHANNEL = "facelabel"
_KEPT, _MOST = 8, 96
"""Connections of one process: so many stay open, and so many are open at most."""
_FULL = "53100"


class PostgresDatabase(Database):
    """A project's PostgreSQL database, which holds one project and nothing else.

    Args:
        url: `postgresql://user:password@host:port/name`; what is missing, libpq takes from its environment and `~/.pgpass`.

    Raises:
        WrongUse: if the URL cannot be read.
    """

    def __init__(self, url: str) -> None:
        self._url = _parse(url)
        engine = create_engine(
            self._url,
            pool_size=_KEPT,
            max_overflow=_MOST - _KEPT,
            pool_pre_ping=True,  # a server that was started anew is noticed before a request fails
        )
        reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        super().__init__(engine, reading)
        event.listen(engine, "connect", _configure)

    @property
    def location(self) -> str:
        """The URL without any password."""
        return location(self._url)

    @contextmanager
    def write(
        self, *, durable: bool = True, references: bool = True, many: bool = False
    ) -> Iterator[Session]:
        """Give a session that writes, as the base class says; references are always checked."""
        del references, many
        begin = _BEGIN_DURABLE if durable else _BEGIN_LENDING
        try:
            with (
                Session(self.engine, expire_on_commit=False, info={"project_cache": self.cache}) as session,
                session.begin(),
            ):
                session.connection().exec_driver_sql(begin)
                yield session
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _FULL:
                raise
            raise NoRoom(
                "no_room",
                f"The disk of the database's server has no room ({_words(error)}).",
                kept="What was kept before is safe.",
                do="Make room there, and try again.",
            ) from error
        except DBAPIError as error:
            moved = moved_away(error)
            if moved is None:
                raise
            raise moved from error

    def check_log(self) -> None:
        """Do nothing: the server keeps its own log."""

    def migrate(self) -> None:
        """Migrate in one transaction; a second process that does so waits."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION})")
            upgrade(connection)

    def revision(self) -> str | None:
        """Return the migration revision; None if the database has no tables of a project."""
        try:
            with self.read() as session:
                exists = session.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
                return session.scalar(text("SELECT version_num FROM alembic_version")) if exists else None
        except DBAPIError as error:
            raise self._unusable(error) from error

    def check_answers(self) -> None:
        """Read from the database."""
        try:
            with self.read() as session:
                answers = session.scalar(text("SELECT count(*) FROM project"))
        except DBAPIError as error:
            raise Busy("database_failed", f"The database cannot be read: {_words(error)}.") from error
        if not answers:
            raise Busy("database_failed", "The database is gone.")

    def find_damage(self) -> list[str]:
        """Nothing: the server checks its pages itself, where its cluster was made with checksums."""
        return []

    def checkpoint(self) -> None:
        """Do nothing: the server does it."""

    def check_can_copy(self) -> None:
        """Refuse: PostgreSQL has its own ways to make a copy."""
        raise FacelabelError(
            "cannot_copy",
            f"The project's database {self.location} is a server's, which Facelabel does not back up.",
            kept="No backup was made; earlier backups are kept.",
            do=f"Call `pg_dump --format=custom --dbname='{self.location}' --file=facelabel.dump`, then copy the folder.",
        )

    def copy_to(self, path: Path) -> None:
        """Refuse, as `check_can_copy` says."""
        del path
        self.check_can_copy()

    def overwrite_deleted(self) -> None:
        """Write all tables anew (VACUUM FULL), each while nobody else uses it.

        The server's log and its backups hold deleted rows until they are recycled.
        """
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            try:
                connection.exec_driver_sql("VACUUM FULL")
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) == _FULL:
                    raise NoRoom(
                        "no_room",
                        f"The disk of the database's server has no room ({_words(error)}).",
                        do="Make room there.",
                    ) from error
                raise Busy(
                    "database_busy", f"The database could not be written anew ({_words(error)})."
                ) from error

    def sizes(self) -> dict[str, float]:
        """The bytes of the database."""
        with self.read() as session:
            size = session.scalar(text("SELECT pg_database_size(current_database())"))
        return {"database": float(size or 0)}

    def changes(self) -> PostgresChanges:
        """Listen for commits of other connections."""
        return PostgresChanges(self.engine)

    def _unusable(self, error: DBAPIError) -> FacelabelError:
        return FacelabelError(
            "bad_database",
            f"The database {self.location} cannot be used: {_words(error)}.",
            do="Check that its server runs and that FACELABEL_DATABASE or ~/.pgpass has the right name and password.",
        )


class PostgresChanges:
    """Detects commits of other connections by the notice that each writing transaction gives.

    Args:
        engine: an engine of the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: psycopg.Connection[Any] | None = None
        self._listen()

    def any(self) -> bool:
        """Return whether another connection has committed since the last call; a lost connection counts as a change."""
        try:
            if self._connection is None:
                self._listen()
                return True
            return len(list(self._connection.notifies(timeout=0))) > 0
        except (psycopg.OperationalError, OperationalError):
            self.close()
            return False

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def _listen(self) -> None:
        pooled = self._engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()
        connection.autocommit = True
        connection.execute(f"LISTEN {_CHANNEL}")
        self._connection = connection


def location(url: URL) -> str:
    """Return a URL without any password, to be shown and kept."""
    query = {name: value for name, value in url.query.items() if "password" not in name.lower()}
    shown = URL.create("postgresql", url.username, None, url.host, url.port, url.database, query)
    return shown.render_as_string(hide_password=False)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in {"postgresql", "postgres"} or not parsed.database:
        raise WrongUse(
            "bad_database_url",
            "The address of the database cannot be read. It is not shown, because it may hold a password.",
            do="Write it as postgresql://user:password@host:port/name; characters such as @ and / in a password as %40 and %2F.",
        ) from None
    return parsed.set(drivername="postgresql+facelabel")


def _words(error: DBAPIError) -> str:
    """What the server or the driver says, in one line; neither ever says a password."""
    return re.sub(r"\s+", " ", str(error.orig)).strip().removesuffix(".")


class _Number(NumericLoader):
    """Sums and means as Python's int and float, as SQLite gives them, instead of Decimal."""

    def load(self, data: Any) -> Any:
        """Convert the text of a number."""
        number = bytes(data).decode()
        return int(number) if number.lstrip("-").isdigit() else float(number)


def _configure(connection: psycopg.Connection[Any], _record: ConnectionPoolEntry) -> None:
    connection.adapters.register_loader("numeric", _Number)
    connection.execute(f"SET lock_timeout = '{BUSY_SECONDS}s'")
    connection.commit()


def _begin(commit: str) -> str:
    return (
        f"SELECT pg_advisory_xact_lock({WRITER}), set_config('synchronous_commit', '{commit}', true), "
        f"pg_notify('{_CHANNEL}', '')"
    )


_BEGIN_DURABLE, _BEGIN_LENDING = _begin("on"), _begin("off")


class _Types(PGTypeCompiler):
    """Integers have 64 bits and texts are compared by their bytes, as in SQLite."""

    def visit_INTEGER(self, type_: TypeEngine[Any], **kw: Any) -> str:  # noqa: ARG002, N802
        return "BIGINT"

    def visit_VARCHAR(self, type_: Any, **kw: Any) -> str:  # noqa: N802
        name = super().visit_VARCHAR(type_, **kw)
        return f'{name} COLLATE "C"' if kw.get("type_expression") is not None else name


class _Tables(PGDDLCompiler):
    """Numbers that the database gives rows have 64 bits."""

    def get_column_specification(self, column: Any, **kw: Any) -> str:
        written: str = super().get_column_specification(column, **kw)  # type: ignore[no-untyped-call]
        return written.replace(" SERIAL", " BIGSERIAL")


class _Statements(PGCompiler_psycopg):
    """Understands an insert with ON CONFLICT in the form of SQLite's dialect too (annotator/database/statements.py)."""

    def visit_cast(self, cast: Any, **kw: Any) -> str:
        if isinstance(cast.clause.type, Boolean) and isinstance(cast.type, Integer):
            return f"CAST({self.process(cast.clause, **kw)} AS INTEGER)"  # PostgreSQL knows no wider one
        written: str = super().visit_cast(cast, **kw)  # type: ignore[no-untyped-call]
        return written

    def _on_conflict_target(self, clause: Any, **kw: Any) -> Any:
        if not hasattr(clause, "constraint_target"):
            clause.constraint_target = None
        return super()._on_conflict_target(clause, **kw)  # type: ignore[no-untyped-call]


class FacelabelDialect(PGDialect_psycopg):
    """PostgreSQL with columns that hold and order what SQLite's hold and order."""

    driver = "facelabel"
    supports_statement_cache = True
    statement_compiler = _Statements
    type_compiler_cls = _Types
    ddl_compiler = _Tables


registry.register("postgresql.facelabel", __name__, "FacelabelDialect")
