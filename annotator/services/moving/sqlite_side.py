"""SQLite as one side of a move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pysqlite3
from sqlalchemy import Engine

from annotator.database.moved import LOCK_SENTENCE
from annotator.services.moving.sides import ConflictingRowsError, Side
from annotator.services.moving.tables import Key, Kind, MovedColumn, MovedTable, Row, moved_tables

_LOCK = "moved_"


class SqliteSide(Side):
    """A SQLite file. `engine`: the engine of the project's `Database`."""

    failure = pysqlite3.Error

    def __init__(self, engine: Engine) -> None:
        pooled = engine.raw_connection()
        connection: Any = pooled.driver_connection
        self._connection = connection
        pooled.detach()
        self._connection.execute("PRAGMA foreign_keys=OFF")

    def words_of(self, error: Exception) -> str:
        """What SQLite says."""
        return str(error)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run a statement with %s for each value, and return its rows."""
        rows: list[Row] = self._connection.execute(statement.replace("%s", "?"), tuple(values)).fetchall()
        return rows

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end what is run within, or roll it back on an error."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        else:
            self._connection.execute("COMMIT")
        finally:
            self._connection.execute("PRAGMA synchronous=FULL")

    def has_table(self, name: str) -> bool:
        """Whether the database has this table."""
        return bool(self.run("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = %s", [name]))

    def read(
        self, table: MovedTable, after: Key | None, upto: Key | None, limit: int | None = None
    ) -> list[Row]:
        """The rows whose keys are above `after` and up to `upto`, in the order of their keys."""
        key = ", ".join(f'"{column.name}"' for column in table.key_columns)
        marks = ", ".join("?" * len(table.key))
        limits = [
            f"({key}) {sign} ({marks})" for sign, end in ((">", after), ("<=", upto)) if end is not None
        ]
        rows: list[Row] = self._connection.execute(
            f'SELECT {", ".join(map(_read, table.columns))} FROM "{table.name}"'
            f"{' WHERE ' + ' AND '.join(limits) if limits else ''} ORDER BY {key}"
            f"{f' LIMIT {limit}' if limit else ''}",
            (*(after or ()), *(upto or ())),
        ).fetchall()
        return rows

    def write(self, table: MovedTable, gone: list[Key], rows: list[Row]) -> None:
        """Delete the rows with the keys `gone`, then insert `rows`; the next other transaction waits for the disk."""
        self._connection.execute("PRAGMA synchronous=NORMAL")
        with self.transaction():
            triggers = self.run(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table.name]
            )
            for name, _ in triggers:
                self.run(f'DROP TRIGGER "{name}"')
            where = " AND ".join(f'"{column.name}" = ?' for column in table.key_columns)
            self._connection.executemany(f'DELETE FROM "{table.name}" WHERE {where}', gone)
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            values = ", ".join("unhex(?)" if column.kind is Kind.BYTES else "?" for column in table.columns)
            try:
                self._connection.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({values})', rows)
            except pysqlite3.IntegrityError as error:
                raise ConflictingRowsError(f"{table.name}: {error}") from error
            for _, statement in triggers:
                self._connection.execute(statement)

    def add_locks(self) -> None:
        """Let the database refuse every change of the moved tables."""
        for table in moved_tables():
            for event in ("INSERT", "UPDATE", "DELETE"):
                self.run(
                    f'CREATE TRIGGER IF NOT EXISTS "{_LOCK}{event.lower()}_{table.name}" BEFORE {event} ON "{table.name}" '
                    f"BEGIN SELECT RAISE(ABORT, '{LOCK_SENTENCE}'); END"
                )

    def remove_locks(self) -> None:
        """Let everybody write again."""
        for (name,) in self.run("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            if name.startswith(_LOCK):
                self.run(f'DROP TRIGGER "{name}"')

    def drop_references(self) -> list[str]:
        """Nothing: this connection does not check references."""
        return []

    def last_id(self, table: MovedTable) -> int:
        """The highest id that a row of the table has or had; without AUTOINCREMENT, SQLite knows only those there are."""
        highest = self.run(f'SELECT coalesce(max(id), 0) FROM "{table.name}"')[0][0]
        used = (
            self.run("SELECT seq FROM sqlite_sequence WHERE name = %s", [table.name])
            if table.counts_ids
            else []
        )
        return int(max([highest, *(number for (number,) in used)]))

    def set_last_id(self, table: MovedTable, number: int) -> None:
        """Let the next row get a higher id."""
        if table.counts_ids:
            self.run("DELETE FROM sqlite_sequence WHERE name = %s", [table.name])
            self.run("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table.name, number])

    def check_references(self) -> list[str]:
        """The tables with rows that refer to rows that do not exist."""
        return sorted({row[0] for row in self._connection.execute("PRAGMA foreign_key_check")})


def _read(column: MovedColumn) -> str:
    name = f'"{column.name}"'
    if column.kind is Kind.BYTES:
        return f"CASE WHEN {name} IS NOT NULL THEN hex({name}) END"
    if column.kind is Kind.JSON:
        return f"CAST({name} AS TEXT)"  # SQLite stores a JSON number as a number
    if column.kind is Kind.TIME:  # a statement's CURRENT_TIMESTAMP has no fraction
        return f"CASE length({name}) WHEN 19 THEN {name} || '.000000' ELSE {name} END"
    return name
