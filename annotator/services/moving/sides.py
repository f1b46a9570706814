"""One of the two databases of a move: what both engines can do.

A side has a separate connection. Everything that its methods write is written in one transaction, in which no trigger of
the written table fires and no reference is checked.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from annotator.database.moved import UNFINISHED_REVISION
from annotator.services.moving.state import MoveState
from annotator.services.moving.tables import Key, MovedTable, Row, moved_tables

STATE_TABLE = "database_move"


class ConflictingRowsError(Exception):
    """A written row has a unique value that another row of the table still has; that row is out of date."""


class Side(ABC):
    """One of the two databases of a move, with a separate connection.

    `failure`: the class of the errors of its driver.
    """

    failure: type[Exception]

    @abstractmethod
    def words_of(self, error: Exception) -> str:
        """What the driver says in an error, without values of rows."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    @abstractmethod
    def run(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run a statement with %s for each value, and return its rows."""

    @abstractmethod
    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end what is run within, or roll it back on an error."""

    @abstractmethod
    def has_table(self, name: str) -> bool:
        """Whether the database has this table."""

    @abstractmethod
    def read(
        self, table: MovedTable, after: Key | None, upto: Key | None, limit: int | None = None
    ) -> list[Row]:
        """The rows whose keys are above `after` and up to `upto`, in the order of their keys."""

    @abstractmethod
    def write(self, table: MovedTable, gone: list[Key], rows: list[Row]) -> None:
        """Delete the rows with the keys `gone`, then insert `rows`.

        Raises:
            ConflictingRowsError: if another row has a unique value of these; nothing is written then.
        """

    @abstractmethod
    def add_locks(self) -> None:
        """Let the database refuse every change of the moved tables; it waits for the transactions that write now."""

    @abstractmethod
    def remove_locks(self) -> None:
        """Let everybody write again."""

    @abstractmethod
    def drop_references(self) -> list[str]:
        """Remove the references between tables as far as they hinder; return the statements that make them again."""

    @abstractmethod
    def last_id(self, table: MovedTable) -> int:
        """The highest id that a row of the table has or had."""

    @abstractmethod
    def set_last_id(self, table: MovedTable, number: int) -> None:
        """Let the next row get a higher id."""

    @abstractmethod
    def check_references(self) -> list[str]:
        """The tables with rows that refer to rows that do not exist."""

    def refresh_statistics(self) -> None:  # noqa: B027 - an engine may need none
        """Let the engine look at what is in the tables, so that it plans well."""

    def count(self, table: MovedTable) -> int:
        """The number of rows."""
        return int(self.run(f'SELECT count(*) FROM "{table.name}"')[0][0])

    def is_empty(self) -> bool:
        """Whether no table has a row."""
        return not any(self.run(f'SELECT 1 FROM "{table.name}" LIMIT 1') for table in moved_tables())

    def project_token(self) -> str | None:
        """The token of the project whose database it is; None if it has none."""
        rows = self.run("SELECT token FROM project") if self.has_table("project") else []
        return rows[0][0] if rows else None

    def revision(self) -> str | None:
        """The migration revision; None if there are no tables."""
        rows = (
            self.run("SELECT version_num FROM alembic_version") if self.has_table("alembic_version") else []
        )
        return rows[0][0] if rows else None

    def state(self) -> MoveState | None:
        """The mark of the last move; None if there was none."""
        rows = self.run(f"SELECT state FROM {STATE_TABLE}") if self.has_table(STATE_TABLE) else []
        return MoveState.loads(rows[0][0]) if rows else None

    def set_state(self, state: MoveState | None) -> None:
        """Write the mark; call it within a transaction."""
        self.run(f"CREATE TABLE IF NOT EXISTS {STATE_TABLE} (state TEXT NOT NULL)")
        self.run(f"DELETE FROM {STATE_TABLE}")
        if state is not None:
            self.run(f"INSERT INTO {STATE_TABLE} (state) VALUES (%s)", [state.dumps()])

    def lock(self, state: MoveState) -> None:
        """Refuse every change from now on, and say why in the mark."""
        with self.transaction():
            self.add_locks()
            self.set_state(state)

    def unlock(self) -> None:
        """Take the lock and the mark away."""
        with self.transaction():
            self.remove_locks()
            self.set_state(None)

    def begin_filling(self, state: MoveState) -> None:
        """Let nobody open the database or write into it, and let nothing hinder the copy."""
        with self.transaction():
            self.add_locks()
            state.statements.extend(self.drop_references())
            self.run("UPDATE alembic_version SET version_num = %s", [UNFINISHED_REVISION])
            self.set_state(state)

    def finish_filling(self, state: MoveState, last_ids: dict[str, int]) -> None:
        """Make it a whole database: references, the next ids, the revision; and let everybody write."""
        with self.transaction():
            for statement in state.statements:
                self.run(statement)
            for table in moved_tables():
                if table.name in last_ids:
                    self.set_last_id(table, last_ids[table.name])
            self.remove_locks()
            self.run("UPDATE alembic_version SET version_num = %s", [state.revision])
            self.set_state(MoveState(state.move, state.project, "to", "whole", state.other, state.revision))
