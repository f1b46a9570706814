"""Times in the form that all files and the API use, and in words."""

from __future__ import annotations

from datetime import datetime

from annotator.domain.plurals import counted

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def utc_text(moment: datetime) -> str:
    """Write a time in UTC, to the second, as ISO 8601 with a Z: `2026-11-29T08:30:00Z`."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def ago(moment: datetime, present: datetime) -> str:
    """How long before the present a moment was, such as "3 hours ago"."""
    seconds = max(0, int((present - moment).total_seconds()))
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{counted(seconds // length, unit, f'{unit}s')} ago"
    return "less than a minute ago"


def every_text(seconds: int) -> str:
    """A length of time after "every", such as "day" or "12 hours"."""
    for length, unit in _UNITS:
        if seconds >= length and seconds % length == 0:
            number = seconds // length
            return unit if number == 1 else f"{number} {unit}s"
    return f"{seconds} seconds"
