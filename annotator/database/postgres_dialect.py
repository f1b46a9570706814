"""PostgreSQL for SQLAlchemy, with columns and statements that hold, order and find what SQLite's do."""

from __future__ import annotations

import select
from typing import Any

from psycopg import ClientCursor
from psycopg.types.numeric import NumericLoader
from sqlalchemy import Boolean, Integer
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGDDLCompiler, PGTypeCompiler
from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg, PGDialect_psycopg
from sqlalchemy.types import TypeEngine

NAME = "postgresql+facelabel"
"""What the URLs of engines with this dialect begin with."""
COMMIT = "commit"
"""Under this name, `Connection.info` has the statement by which the connection's transaction is committed."""
_MOST_VALUES = 65_535
"""Values that one statement can have in PostgreSQL's protocol; in SQLite here, 250,000."""


class Number(NumericLoader):
    """Sums and means as Python's int and float, as SQLite gives them, instead of Decimal."""

    def load(self, data: Any) -> Any:
        """Convert the text of a number."""
        number = bytes(data).decode()
        return int(number) if number.lstrip("-").isdigit() else float(number)


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

    def visit_max_func(self, function: Any, **kw: Any) -> str:
        """Whether any is true, of conditions."""
        name = "bool_or" if isinstance(function.type, Boolean) else "max"
        return f"{name}{self.function_argspec(function, **kw)}"

    def visit_substr_func(self, function: Any, **kw: Any) -> str:
        """PostgreSQL takes its numbers as 32 bits only."""
        whole, *numbers = (self.process(part, **kw) for part in function.clauses)
        return f"substr({whole}, {', '.join(f'CAST({number} AS INT)' for number in numbers)})"

    def visit_like_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        """As in SQLite, without regard to the case of the letters of ASCII: texts have the collation C."""
        written: str = self.visit_ilike_op_binary(binary, operator, **kw)  # type: ignore[no-untyped-call]
        return written

    def visit_not_like_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        written: str = self.visit_not_ilike_op_binary(binary, operator, **kw)  # type: ignore[no-untyped-call]
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

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Execute a statement; more values than the protocol can send are written into it."""
        del context
        if len(parameters) > _MOST_VALUES:
            statement, parameters = ClientCursor(cursor.connection).mogrify(statement, parameters), None
        cursor.execute(statement, parameters)

    def do_commit(self, dbapi_connection: Any) -> None:
        """Commit, as the writer of the transaction wants it."""
        statement = dbapi_connection.info.get(COMMIT)
        if statement is None:
            super().do_commit(dbapi_connection)  # type: ignore[no-untyped-call]
        else:
            dbapi_connection.driver_connection.execute(statement)

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Whether a connection that waited for its next use still works; the server is asked only if something arrived.

        A server that ends a connection says so, or its machine does. As long as nothing has arrived, asking would only cost every
        request a round trip.
        """
        arrived = select.poll()
        arrived.register(dbapi_connection.pgconn.socket, select.POLLIN)
        if not arrived.poll(0):
            return True
        return bool(super().do_ping(dbapi_connection))  # type: ignore[no-untyped-call]


registry.register("postgresql.facelabel", __name__, "FacelabelDialect")
