"""CSV as FORMATS.md defines it. The standard library quotes differently in different Python versions."""

from __future__ import annotations

import re
from collections.abc import Iterable

_needs_quotes = re.compile('[,"\r\n]').search


def csv_text(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a whole CSV: a field is quoted only if it holds a comma, a quote, CR or LF; lines end in LF."""
    return "".join(map(csv_line, (header, *rows)))


def csv_line(row: Iterable[object]) -> str:
    """Return one line of a CSV."""
    return ",".join([csv_field(str(value)) for value in row]) + "\n"


def csv_field(text: str) -> str:
    """Return one field of a CSV."""
    return '"' + text.replace('"', '""') + '"' if _needs_quotes(text) else text
