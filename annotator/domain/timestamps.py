"""Times in the form that all files and the API use."""

from __future__ import annotations

from datetime import datetime


def utc_text(moment: datetime) -> str:
    """Write a time in UTC, to the second, as ISO 8601 with a Z: `2026-11-29T08:30:00Z`."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
