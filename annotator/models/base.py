"""What all tables share: the base class, times with their zone, and the largest integer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

MAX_NUMBER = 2**63 - 1
"""The largest integer that the database can hold."""


def now() -> datetime:
    """Return the current time, with its zone."""
    return datetime.now(UTC)


class Time(TypeDecorator[datetime]):
    """A time with its zone, stored as UTC because SQLite stores no zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC without zone."""
        del dialect
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert from UTC without zone."""
        del dialect
        return value.replace(tzinfo=UTC) if value else None


class Base(DeclarativeBase):
    """The base of all tables."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's way
        dict[str, Any]: JSON,
        list[dict[str, Any]]: JSON,
        list[str]: JSON,
        list[list[int]]: JSON,
        datetime: Time,
    }
