"""Which engine a database is opened with: a path is SQLite's, a URL is PostgreSQL's."""

from __future__ import annotations

from pathlib import Path

from annotator.database.base import Database
from annotator.database.sqlite import SqliteDatabase
from annotator.errors import FacelabelError

SCHEMES = ("postgresql://", "postgres://")
"""What the URL of a PostgreSQL database begins with."""


def open_database(where: Path | str) -> Database:
    """Open a database; nothing is read or created yet.

    Args:
        where: the path of an SQLite file, or `postgresql://user:password@host:port/name`.

    Raises:
        FacelabelError: if the URL cannot be read, or the driver of PostgreSQL is not installed.
    """
    if isinstance(where, Path):
        return SqliteDatabase(where)
    # The driver is imported only for who needs it: it would make every start slower.
    try:
        from annotator.database.postgres import PostgresDatabase  # noqa: PLC0415
    except ImportError as error:
        raise FacelabelError(
            "no_driver",
            f"PostgreSQL's driver cannot be loaded: {error}.",
            do="Call `pip install 'facelabel[postgres]'`.",
        ) from error
    return PostgresDatabase(where)
