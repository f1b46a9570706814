"""A project's database in PostgreSQL, through psycopg 3.

One transaction writes at a time, as in SQLite: each takes the project's advisory locks with its first statement and has them
until its end. It then reads what was committed before (READ COMMITTED), so that the services need no other rule than with
SQLite. There are two locks, because labellers do two things all the time: those who answer take one, those who ask for images
take the other, and everybody else takes both. Readers wait for nobody (REPEATABLE READ).

Nobody waits for the disk while holding the lock. A durable transaction commits without waiting and lets the lock go. In the same
message it asks for a second, empty commit that waits for the disk. The log is written in its order, so that the first commit is
safe when the second one is; the second ones of several writers share one write (group commit). Until then the others see what
may still be lost, as they see leases; only the writer must not acknowledge it, and does not.

Transactions begin and end with statements of this module, because psycopg would send BEGIN in a separate message.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from annotator.database.base import BUSY_SECONDS, Database, Writers
from annotator.database.migrations import upgrade
from annotator.database.moved import moved_away
from annotator.database.postgres_dialect import COMMIT, NAME, Number
from annotator.database.session import ProjectSession
from annotator.errors import Busy, DatabaseUnreachable, FacelabelError, NoRoom, WrongUse

_ANSWERS, _LEASES, _MIGRATION = 0x66616365, 0x6C656173, 0x6D696772
"""The numbers of the advisory locks; PostgreSQL keeps those of each database apart."""
_LOCKS = {
    Writers.ALL: f"pg_advisory_xact_lock({_ANSWERS}), pg_advisory_xact_lock({_LEASES})",
    Writers.ANSWERING: f"pg_advisory_xact_lock({_ANSWERS})",
    Writers.ASSIGNING: f"pg_advisory_xact_lock({_LEASES})",
}
LOCK_ALL = f"SELECT {_LOCKS[Writers.ALL]}"
"""Waits for all writers, and lets none write until the transaction ends."""
_CHANNEL = "facelabel"
_KEPT, _MOST = 32, 96
"""Connections of one process: so many stay open, more than a web server has threads, and so many are open at most."""
_FULL, _LOCKED = "53100", "55P03"
_GONE = ("08", "57P", "53300")
"""How the codes of errors begin by which a server that stops, starts or has no connection left says so."""
_NETWORK = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""What libpq does about a network that swallows everything: after half a minute the connection is lost."""


class PostgresDatabase(Database):
    """A project's PostgreSQL database, which holds one project and nothing else.

    Args:
        url: `postgresql://user:password@host:port/name`; what is missing, libpq takes from its environment and `~/.pgpass`.

    Raises:
        WrongUse: if the URL cannot be read.
    """

    def __init__(self, url: str) -> None:
        self._url = _parse(url)
        network = {name: value for name, value in _NETWORK.items() if name not in self._url.query}
        engine = create_engine(
            self._url,
            connect_args={**network, "autocommit": True},  # psycopg then begins no transactions
            pool_size=_KEPT,
            max_overflow=_MOST - _KEPT,
            pool_use_lifo=True,  # so that those in use have their statements prepared
            pool_pre_ping=True,  # a server that was started anew is noticed before a request fails
            use_native_hstore=False,
        )
        event.listen(engine, "connect", _configure)
        super().__init__(engine)

    @property
    def location(self) -> str:
        """The URL without any password."""
        return location(self._url)

    @contextmanager
    def write(
        self,
        *,
        durable: bool = True,
        references: bool = True,
        many: bool = False,
        among: Writers = Writers.ALL,
    ) -> Iterator[Session]:
        """Give a session that writes, as the base class says; references are always checked."""
        del references, many
        try:
            with ProjectSession(self.engine, self.cache) as session, session.begin():
                connection = session.connection()
                connection.exec_driver_sql(_BEGIN_WRITING[among])
                connection.info[COMMIT] = _COMMIT_DURABLY if durable else "COMMIT"
                yield session
        except DBAPIError as error:
            cause = moved_away(error) or _failure(error)
            if cause is None:
                raise
            raise cause from error

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session that sees one consistent state, as the base class says.

        Raises:
            DatabaseUnreachable: if the server cannot be reached.
        """
        try:
            with self._reader() as session:
                yield session
        except DBAPIError as error:
            cause = _failure(error)
            if cause is None:
                raise
            raise cause from error

    def _begin_reading(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    @contextmanager
    def _reader(self) -> Iterator[Session]:
        with super().read() as session:
            yield session
            if session.in_transaction():
                # A reader has nothing to take back, and after a ROLLBACK psycopg forgets all prepared statements.
                session.connection().exec_driver_sql("COMMIT")

    def check_log(self) -> None:
        """Do nothing: the server keeps its own log."""

    def migrate(self) -> None:
        """Migrate in one transaction; a second process that does so waits."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql(f"BEGIN; SELECT pg_advisory_xact_lock({_MIGRATION})")
            upgrade(connection)

    def revision(self) -> str | None:
        """Return the migration revision; None if the database has no tables of a project."""
        try:
            with self._reader() as session:
                exists = session.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
                return session.scalar(text("SELECT version_num FROM alembic_version")) if exists else None
        except DBAPIError as error:
            raise self._unusable(error) from error

    def check_answers(self) -> None:
        """Read from the database."""
        try:
            with self._reader() as session:
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
        with self.engine.connect() as connection:
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

    def refresh_statistics(self) -> None:
        """Look at the rows anew; the server does so too, about a minute later."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")

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
    return parsed.set(drivername=NAME)


def _words(error: DBAPIError) -> str:
    """What the server or the driver says, in one line; neither ever says a password."""
    return re.sub(r"\s+", " ", str(error.orig)).strip().removesuffix(".")


def _failure(error: DBAPIError) -> FacelabelError | None:
    """What a user is told when the server cannot go on; None if `error` is of another kind."""
    if not isinstance(error.orig, psycopg.OperationalError):
        return None
    code = error.orig.sqlstate
    if code == _FULL:
        return NoRoom(
            "no_room",
            f"The disk of the database's server has no room ({_words(error)}).",
            kept="What was kept before is safe.",
            do="Make room there, and try again.",
        )
    if code == _LOCKED:
        return Busy(
            "database_busy",
            f"Somebody else has been writing into the project's database for {BUSY_SECONDS} s.",
            do="Try again. If that does not help, look in the server's view pg_stat_activity for who that is.",
        )
    if code is None or code.startswith(_GONE):
        return DatabaseUnreachable(
            "database_unreachable",
            f"The project's database does not answer: {_words(error)}.",
            kept="Everything acknowledged earlier is kept. Whether this step is kept is not known.",
            do="Try again: an answer that was kept does not count twice. If that does not help, check the database's server.",
        )
    return None


def _configure(connection: psycopg.Connection[Any], _record: ConnectionPoolEntry) -> None:
    connection.adapters.register_loader("numeric", Number)
    connection.execute(_SETTINGS)


# The server, too, gives up a client that the network has swallowed, and with it the lock that this client holds. Compiling
# statements (jit) takes longer than any of them.
_SETTINGS = f"""
SET lock_timeout = '{BUSY_SECONDS}s'; SET jit = off; SET synchronous_commit = on;
SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; SET tcp_user_timeout = 25000
"""
_BEGIN_WRITING = {
    among: f"BEGIN; SET LOCAL synchronous_commit = off; SELECT {locks}, pg_notify('{_CHANNEL}', '')"
    for among, locks in _LOCKS.items()
}
# A transaction that wrote nothing would not wait for the disk; the message is 60 bytes in the log that nobody reads.
_COMMIT_DURABLY = f"COMMIT; SELECT pg_logical_emit_message(true, '{_CHANNEL}', '')"
