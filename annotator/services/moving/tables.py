"""The tables that are moved: their order, their columns, and the values that both engines give alike.

A row is a tuple with one value for each column: integers (truth values are 0 and 1), floats, None, and texts. Times are texts
such as 2026-11-30 15:00:22.123456 (UTC), bytes are upper-case hexadecimal digits, and JSON is its stored text.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import JSON, Boolean, Column, DateTime, LargeBinary, String, Table
from sqlalchemy.types import TypeDecorator

from annotator.models import Base, Claim, Worker

_OF_PROCESSES = {Worker.__tablename__, Claim.__tablename__}
Row = tuple[Any, ...]
Key = tuple[int | str, ...]


class Kind(Enum):
    """How the values of a column are read and written."""

    PLAIN = auto()
    TEXT = auto()
    TRUTH = auto()
    TIME = auto()
    BYTES = auto()
    JSON = auto()


@dataclass(frozen=True)
class MovedColumn:
    """A column of a moved table."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class MovedTable:
    """A moved table. `key`: the positions of the columns of its primary key; `counts_ids`: an id that was used never comes back."""

    name: str
    columns: tuple[MovedColumn, ...]
    key: tuple[int, ...]
    counts_ids: bool

    @property
    def key_columns(self) -> list[MovedColumn]:
        """The columns of the primary key."""
        return [self.columns[position] for position in self.key]

    def key_of(self, row: Row) -> Key:
        """The primary key of a row."""
        return tuple(row[position] for position in self.key)

    @property
    def has_serial_id(self) -> bool:
        """Whether the database numbers its rows."""
        return [column.name for column in self.key_columns] == ["id"]


def moved_tables() -> list[MovedTable]:
    """All tables, each after the tables that it refers to; without what running workers say of themselves."""
    return [_moved(table) for table in Base.metadata.sorted_tables if table.name not in _OF_PROCESSES]


def _moved(table: Table) -> MovedTable:
    columns = tuple(MovedColumn(column.name, _kind(column)) for column in table.columns)
    names = [column.name for column in columns]
    key = tuple(names.index(column.name) for column in table.primary_key.columns)
    return MovedTable(table.name, columns, key, bool(table.dialect_options["sqlite"]["autoincrement"]))


def _kind(column: Column[Any]) -> Kind:
    stored = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    for sql_type, kind in (
        (Boolean, Kind.TRUTH),
        (DateTime, Kind.TIME),
        (LargeBinary, Kind.BYTES),
        (JSON, Kind.JSON),
        (String, Kind.TEXT),
    ):
        if isinstance(stored, sql_type):
            return kind
    return Kind.PLAIN


def digest(rows: list[Row]) -> bytes:
    """The BLAKE2b hash of rows as JSON, which writes every value in one way only."""
    return hashlib.blake2b(json.dumps(rows).encode(), digest_size=32).digest()
