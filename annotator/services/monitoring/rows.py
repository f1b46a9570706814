"""Read every row of a database and check what SQLite's own check does not: texts, types, hashes, and labels that follow from answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pysqlite3
from sqlalchemy import JSON, Boolean, Float, Integer, LargeBinary, Table

from annotator.database import BUSY_SECONDS
from annotator.models import Base, Time

_HASH = re.compile(r"[0-9a-f]{64}")
_DESCRIPTOR_BYTES, _LARGEST = 512, 4.0
"""The bytes of a descriptor, and a number that none of its entries reaches."""
_INCONSISTENT = {
    "labels differ from the answers that they come from": (
        "SELECT count(*) FROM labels l LEFT JOIN annotations a ON a.id = l.annotation_id "
        "WHERE a.id IS NULL OR a.image_id <> l.image_id OR a.attribute_id <> l.attribute_id OR a.code IS NOT l.code"
    ),
    "labels have a value that their attribute lacks": (
        "SELECT count(*) FROM labels l WHERE l.code IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM attribute_values v WHERE v.attribute_id = l.attribute_id AND v.code = l.code)"
    ),
    "images are missing in the count of the project, or too many": (
        "SELECT abs((SELECT image_count FROM project) - (SELECT count(*) FROM images WHERE exclusion_id IS NULL))"
    ),
    "done images are missing in the count of the project, or too many": (
        "SELECT abs((SELECT done_count FROM project) - "
        "(SELECT count(*) FROM images WHERE exclusion_id IS NULL AND open_cells = 0))"
    ),
    "images have a number of open cells that is impossible": (
        "SELECT count(*) FROM images WHERE open_cells < 0 OR open_cells > (SELECT count(*) FROM attributes)"
    ),
}
"""Counts by what is wrong where they are not 0."""


def wrong_rows(file: Path) -> Iterator[str]:
    """Yield what is wrong with the rows of a database, in sentences; it takes some ten seconds per million images."""
    with closing(pysqlite3.connect(file, timeout=BUSY_SECONDS)) as database:
        for table in Base.metadata.sorted_tables:
            try:
                yield from _wrong_values(database, table)
            except (pysqlite3.Error, UnicodeDecodeError) as error:
                yield f"The table {table.name} cannot be read: {error}."
        for what, query in _INCONSISTENT.items():
            try:
                [(number,)] = database.execute(query).fetchall()
            except pysqlite3.Error as error:
                yield f"Whether {what} cannot be told: {error}."
                continue
            if number:
                yield f"{number} {what}."
        try:
            broken = database.execute("PRAGMA foreign_key_check").fetchmany(1)
        except pysqlite3.Error as error:
            broken = [(str(error),)]
        if broken:
            yield f"A row refers to another one that is missing: {broken[0]}."


def _wrong_values(database: Any, table: Table) -> Iterator[str]:
    """At most one sentence for each column of a table."""
    checks = [
        (column.name, column.nullable, _check(table.name, column.name, column.type))
        for column in table.columns
    ]
    names = ", ".join(f'"{name}"' for name, _, _ in checks)
    told: set[str] = set()
    for row in database.execute(f'SELECT {names} FROM "{table.name}"'):  # noqa: S608 - our names
        for value, (name, nullable, is_valid) in zip(row, checks, strict=True):
            if (nullable if value is None else is_valid(value)) or name in told:
                continue
            told.add(name)
            yield f"A row of the table {table.name} has an impossible value in its column {name}."


def _check(table: str, name: str, kind: Any) -> Callable[[Any], bool]:
    """The check of the values of a column that are not null."""
    if name in {"sha256", "photo_sha256"} and table in {"images", "tombstones"}:
        return _is_hash
    if name == "descriptor":
        return _is_descriptor
    for kinds, check in _CHECKS:
        if isinstance(kind, kinds):
            return check
    return lambda value: isinstance(value, str) and "\0" not in value


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _is_descriptor(value: Any) -> bool:
    if not isinstance(value, bytes) or len(value) != _DESCRIPTOR_BYTES:
        return False
    with np.errstate(invalid="ignore"):
        return bool((np.abs(np.frombuffer(value, "<f4")) < _LARGEST).all())


def _is_time(value: Any) -> bool:
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


def _is_json(value: Any) -> bool:
    try:
        json.loads(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


_CHECKS: tuple[tuple[type, Callable[[Any], bool]], ...] = (
    (Boolean, lambda value: value in {0, 1}),
    (Integer, lambda value: isinstance(value, int)),
    (Float, lambda value: isinstance(value, int | float)),
    (Time, _is_time),
    (JSON, _is_json),
    (LargeBinary, lambda value: isinstance(value, bytes)),
)
"""By the type of a column; all others are texts."""
