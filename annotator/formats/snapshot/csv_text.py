"""CSV as FORMATS.md writes it. The standard library's writer quotes differently from one Python version to the next."""

from __future__ import annotations

import re
from collections.abc import Iterable

_needs_quotes = re.compile('[,"\r\n]').search


def csv_text(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A whole CSV: a field is quoted only if it holds a comma, a quote, CR or LF; lines end in LF."""
    return "".join(map(csv_line, (header, *rows)))


def csv_line(row: Iterable[object]) -> str:
    """One line of it."""
    return ",".join([csv_field(str(value)) for value in row]) + "\n"


def csv_field(text: str) -> str:
    """One field of it."""
    return '"' + text.replace('"', '""') + '"' if _needs_quotes(text) else text
