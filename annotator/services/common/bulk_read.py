"""Reading integers of a table with millions of rows as arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, String, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from annotator.database.statements import joined

Column = NDArray[np.int64]

_PART = 100_000  # rows of one query, which are in memory besides the arrays


def read_columns(
    session: Session,
    key: InstrumentedAttribute[int],
    columns: Sequence[ColumnElement[int] | InstrumentedAttribute[int]],
    *where: ColumnElement[bool],
) -> list[Column]:
    """Read some columns of the rows that fulfil conditions, in an unspecified order.

    SQLite joins the numbers of many rows into one text, because a tuple of Python numbers for each row takes three times as
    long.

    Args:
        session: a session.
        key: the primary key of the table, which is read in ranges of it.
        columns: integer expressions that are never null.
        where: conditions on rows.

    Returns:
        For each column, the (rows,) values.
    """
    row: ColumnElement[str] = cast(columns[0], String)
    for column in columns[1:]:
        row = row.concat(",").concat(cast(column, String))
    newest = session.scalar(select(func.max(key))) or 0
    parts = [np.empty(0, np.int64)]
    for start in range(0, newest, _PART):
        part = select(joined(row)).where(key.between(start + 1, start + _PART), *where)
        text = session.scalar(part)
        if text is not None:
            parts.append(np.fromstring(text, np.int64, sep=","))
    return list(np.concatenate(parts).reshape(-1, len(columns)).T)
