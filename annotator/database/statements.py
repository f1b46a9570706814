"""Parts of statements for which SQLAlchemy has no one word for both engines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Dialect,
    Index,
    Selectable,
    String,
    bindparam,
    cast,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


def replace_rows(table: Any, columns: list[str] | None = None, rows: Selectable | None = None) -> Insert:
    """An insert that replaces a row with the same primary key.

    Args:
        table: the table's class.
        columns: the columns that are written; None: all.
        rows: a query of them; None: the statement is executed with rows.
    """
    statement = insert(table)
    if columns is not None and rows is not None:
        statement = statement.from_select(columns, rows)
    key = [column.name for column in table.__table__.primary_key]
    written = [name for name in columns or table.__table__.columns.keys() if name not in key]
    values = {name: statement.excluded[name] for name in written}
    # PostgreSQL's dialect in postgres_dialect.py understands SQLite's form of the statement.
    if not values:
        return statement.on_conflict_do_nothing(index_elements=key)
    return statement.on_conflict_do_update(index_elements=key, set_=values)


def joined(column: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[str]:
    """The values of many rows as one text, with commas between them."""
    return func.aggregate_strings(cast(column, String), ",")


def is_listed(
    column: ColumnElement[Any] | InstrumentedAttribute[Any], name: str, values: Sequence[Any] | None = None
) -> ColumnElement[bool]:
    """The condition that a column's number or text is in a list, however long.

    The list is one parameter: an array on PostgreSQL, a JSON text on SQLite. So the statement is the same for every length: it is
    compiled once, and PostgreSQL prepares it.

    Args:
        column: the column.
        name: the name of the parameter.
        values: the list; None: the statement is executed with it.
    """
    return _IsListed(column, bindparam(name, values, type_=_List(column.type), unique=values is not None))


class _List(TypeDecorator[Sequence[Any]]):
    """A list as one parameter."""

    impl = String
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(self.item) if dialect.name == "postgresql" else String())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> str | list[Any]:
        values = list(value or ())
        return values if dialect.name == "postgresql" else json.dumps(values)


class _IsListed(FunctionElement[bool]):
    # Without the type Boolean, for which SQLAlchemy would write `… = 1` on SQLite.
    inherit_cache = True


@compiles(_IsListed)
def _is_listed(element: _IsListed, compiler: SQLCompiler, **kw: Any) -> str:
    column, listed = element.clauses
    value = func.json_each(listed).table_valued("value").c.value
    return compiler.process(column.in_(select(cast(value, column.type))), **kw)


@compiles(_IsListed, "postgresql")
def _is_listed_on_postgres(element: _IsListed, compiler: SQLCompiler, **kw: Any) -> str:
    # With a query of a JSON text's values in its place, PostgreSQL expects 100 of them and reads whole tables.
    column, listed = element.clauses
    return f"{compiler.process(column, **kw)} = ANY ({compiler.process(listed, **kw)})"


def unindexed(column: InstrumentedAttribute[str]) -> ColumnElement[str]:
    """A column that SQLite does not look up by its index, which leads to far more rows than another condition.

    PostgreSQL counts how often a value occurs and sees this itself.
    """
    return _Unindexed(column)


class _Unindexed(FunctionElement[str]):
    type = String()
    inherit_cache = True


@compiles(_Unindexed)
def _unindexed(element: _Unindexed, compiler: SQLCompiler, **kw: Any) -> str:
    return f"+{compiler.process(element.clauses, **kw)}"


@compiles(_Unindexed, "postgresql")
def _unindexed_on_postgres(element: _Unindexed, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


@contextmanager
def without_indexes(session: Session, indexes: Iterable[Index]) -> Iterator[None]:
    """Drop indexes for the time of a change of most rows, and build them again. PostgreSQL keeps them: to drop one locks readers out."""
    connection = session.connection()
    dropped = list(indexes) if connection.dialect.name == "sqlite" else []
    for index in dropped:
        index.drop(connection)
    yield
    for index in dropped:
        index.create(connection)


def use_memory(session: Session, kib: int) -> None:
    """Let SQLite keep so much of its file in memory for this session; PostgreSQL's server decides for itself."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA cache_size=-{kib}")
