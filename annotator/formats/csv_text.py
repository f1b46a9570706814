"""CSV as FORMATS.md writes it. The standard library's writer quotes differently from one Python version to the next."""

from __future__ import annotations

from collections.abc import Iterable


def csv_text(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A whole CSV: a field is quoted only if it holds a comma, a quote, CR or LF; lines end in LF."""
    return "".join(",".join(map(_field, row)) + "\n" for row in (header, *rows))


def _field(value: object) -> str:
    text = str(value)
    if any(character in text for character in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
