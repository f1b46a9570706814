"""Open a database as one side of a move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from annotator.database import Database
from annotator.database.sqlite import SqliteDatabase
from annotator.services.moving.sides import Side
from annotator.services.moving.sqlite_side import SqliteSide


@dataclass(frozen=True)
class Place:
    """One of the two databases. `shown`: its path, or its URL without a password; `make_tables`: runs the migrations."""

    side: Side
    shown: str
    make_tables: Callable[[], None]


@contextmanager
def opened_place(database: Database, shown: str) -> Iterator[Place]:
    """Open a connection for a move, and close it at the end."""
    side = _open(database)
    try:
        yield Place(side, shown, database.migrate)
    finally:
        side.close()


def _open(database: Database) -> Side:
    if isinstance(database, SqliteDatabase):
        return SqliteSide(database.engine)
    # The driver of PostgreSQL is imported only for who needs it.
    from annotator.services.moving.postgres_side import PostgresSide  # noqa: PLC0415

    return PostgresSide(database.engine)
