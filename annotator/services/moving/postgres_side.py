"""PostgreSQL as one side of a move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Engine

from annotator.database.moved import LOCK_SENTENCE
from annotator.database.postgres import LOCK_ALL
from annotator.services.moving.sides import ConflictingRowsError, Side
from annotator.services.moving.tables import Key, Kind, MovedColumn, MovedTable, Row, moved_tables

_LOCK = "moved_lock"


class PostgresSide(Side):
    """A PostgreSQL database. `engine`: the engine of the project's `Database`."""

    failure = psycopg.Error

    def __init__(self, engine: Engine) -> None:
        pooled = engine.raw_connection()
        self._connection: psycopg.Connection[Row] = pooled.driver_connection  # type: ignore[assignment]
        pooled.detach()
        self._connection.rollback()
        self._connection.autocommit = True
        self._connection.execute("SET TIME ZONE 'UTC'")

    def words_of(self, error: Exception) -> str:
        """What the server or the driver says, in one line."""
        primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
        return " ".join((primary or str(error)).split()).removesuffix(".")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run a statement with %s for each value, and return its rows."""
        cursor = self._connection.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end what is run within, or roll it back on an error."""
        with self._connection.transaction():
            yield

    def has_table(self, name: str) -> bool:
        """Whether the database has this table."""
        return self.run("SELECT to_regclass(%s)", [f'"{name}"'])[0][0] is not None

    def read(
        self, table: MovedTable, after: Key | None, upto: Key | None, limit: int | None = None
    ) -> list[Row]:
        """The rows whose keys are above `after` and up to `upto`, in the order of their keys."""
        key = ", ".join(map(_ordered, table.key_columns))
        marks = ", ".join(["%s"] * len(table.key))
        limits = [
            f"({key}) {sign} ({marks})" for sign, end in ((">", after), ("<=", upto)) if end is not None
        ]
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(
                f'SELECT {", ".join(map(_read, table.columns))} FROM "{table.name}"'
                f"{' WHERE ' + ' AND '.join(limits) if limits else ''} ORDER BY {key}"
                f"{f' LIMIT {limit}' if limit else ''}",
                (*(after or ()), *(upto or ())),
            )
            return cursor.fetchall()

    def write(self, table: MovedTable, gone: list[Key], rows: list[Row]) -> None:
        """Delete the rows with the keys `gone`, then insert `rows`; the next other transaction waits for the disk."""
        name = sql.Identifier(table.name)
        with self.transaction():
            self.run("SET LOCAL synchronous_commit = off")
            self._connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name))
            if gone:
                where = " AND ".join(f'"{column.name}" = %s' for column in table.key_columns)
                with self._connection.cursor() as cursor:
                    cursor.executemany(f'DELETE FROM "{table.name}" WHERE {where}', gone)
            try:
                self._copy(table, rows)
            except psycopg.errors.UniqueViolation as error:
                raise ConflictingRowsError(f"{table.name}: {error}") from error
            self._connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(name))

    def _copy(self, table: MovedTable, rows: list[Row]) -> None:
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        places = [place for place, column in enumerate(table.columns) if column.kind is Kind.BYTES]
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy,
        ):
            for row in rows:
                copy.write_row(_with_bytes(row, places) if places else row)

    def add_locks(self) -> None:
        """Let the database refuse every change of the moved tables; it waits for the transactions that write now."""
        tables = [f'"{table.name}"' for table in moved_tables()]
        self.run(LOCK_ALL)  # writers wait here, so that no two wait for each other
        self.run(f"LOCK TABLE {', '.join(tables)} IN SHARE ROW EXCLUSIVE MODE")
        self.run(
            f"CREATE OR REPLACE FUNCTION {_LOCK}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION USING MESSAGE = '{LOCK_SENTENCE}', ERRCODE = 'read_only_sql_transaction'; END $$"
        )
        self._run_all(
            f"CREATE OR REPLACE TRIGGER {_LOCK} BEFORE INSERT OR UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {_LOCK}()"
            for table in tables
        )

    def remove_locks(self) -> None:
        """Let everybody write again."""
        self.run(f"DROP FUNCTION IF EXISTS {_LOCK}() CASCADE")

    def drop_references(self) -> list[str]:
        """Remove the references between tables; return the statements that make them again."""
        references = self.run(
            "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY 1, 2"
        )
        self._run_all(f"ALTER TABLE {table} DROP CONSTRAINT {name}" for table, name, _ in references)
        return [f"ALTER TABLE {table} ADD CONSTRAINT {name} {what}" for table, name, what in references]

    def last_id(self, table: MovedTable) -> int:
        """The highest id that a row of the table has or had."""
        highest = int(self.run(f'SELECT coalesce(max(id), 0) FROM "{table.name}"')[0][0])
        sequence = self._sequence(table)
        if sequence is None:
            return highest
        [(last, was_used)] = self.run(f"SELECT last_value, is_called FROM {sequence}")
        return max(highest, last if was_used else 0)

    def set_last_id(self, table: MovedTable, number: int) -> None:
        """Let the next row get a higher id."""
        sequence = self._sequence(table)
        if sequence is not None:
            self.run("SELECT setval(%s, %s, %s)", [sequence, max(number, 1), number > 0])

    def _sequence(self, table: MovedTable) -> str | None:
        sequence: str | None = self.run("SELECT pg_get_serial_sequence(%s, 'id')", [f'"{table.name}"'])[0][0]
        return sequence

    def check_references(self) -> list[str]:
        """Nothing: the references that `finish_filling` made have checked every row."""
        return []

    def refresh_statistics(self) -> None:
        """Let the planner look at the tables."""
        self._run_all(f'ANALYZE "{table.name}"' for table in moved_tables())

    def _run_all(self, statements: Iterable[str]) -> None:
        """Run many statements on one way to the server."""
        self.run("; ".join(statements))


def _read(column: MovedColumn) -> str:
    name = f'"{column.name}"'
    if column.kind is Kind.TRUTH:
        return f"{name}::int"
    if column.kind is Kind.TIME:
        return f"to_char({name}, 'YYYY-MM-DD HH24:MI:SS.US')"
    if column.kind is Kind.BYTES:
        return f"upper(encode({name}, 'hex'))"
    if column.kind is Kind.JSON:
        return f"{name}::text"
    return name


def _ordered(column: MovedColumn) -> str:
    """The column in the order of SQLite: texts by their bytes, as its index has them."""
    return f'"{column.name}" COLLATE "C"' if column.kind is Kind.TEXT else f'"{column.name}"'


def _with_bytes(row: Row, places: list[int]) -> Row:
    values = list(row)
    for place in places:
        if values[place] is not None:
            values[place] = f"\\x{values[place]}"
    return tuple(values)
