"""Excel and OpenDocument workbooks, read by a process with a limit of memory, because the file may be hostile."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from annotator.errors import FacelabelError

ENDINGS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
"""File name extensions of workbooks."""

_MEMORY = 2 * 2**30
_SECONDS = 120
_MAX_CELLS = 10_000_000
"""Cells of all sheets together; the rows of an Excel sheet with nine columns are as many."""
_MAX_BYTES = 256 * 2**20


def workbook_ending(content: bytes) -> str | None:
    """Return the file name extension that a workbook with this content has; None if it is no workbook."""
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        return ".xls"
    if not content.startswith(b"PK\3\4"):
        return None
    parts = {b"xl/workbook.xml": ".xlsx", b"xl/workbook.bin": ".xlsb", b"opendocument.spreadsheet": ".ods"}
    return next((ending for part, ending in parts.items() if part in content), None)


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook: its name, the number of its first row, and its rows as texts."""

    name: str
    first_row: int
    rows: list[list[str]]


def read_workbook(path: Path) -> list[Sheet]:
    """Read all sheets of a workbook; numbers are texts without .0, dates are texts such as 2026-11-29.

    Raises:
        FacelabelError: if it is not a workbook, or needs more than 2 GiB of memory or two minutes.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(path.resolve())],
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _bad(path, f"it takes more than {_SECONDS} seconds") from error
    if done.returncode < 0:
        raise _bad(path, f"it needs more than {_MEMORY // 2**30} GiB of memory")
    if done.returncode:
        raise _bad(path, done.stderr.decode(errors="replace").strip().rpartition("\n")[2][:300])
    return [Sheet(*json.loads(line)) for line in done.stdout.splitlines()]


def _bad(path: Path, what: str) -> FacelabelError:
    return FacelabelError(
        "bad_table",
        f"{path} cannot be read as a workbook: {what}.",
        do="Save it again, or save the sheet as CSV.",
    )


def _print_sheets(path: str) -> None:
    from python_calamine import CalamineWorkbook  # noqa: PLC0415 - only the process loads it

    written = cells = 0
    workbook = CalamineWorkbook.from_path(path)
    for name in workbook.sheet_names:
        sheet = workbook.get_sheet_by_name(name)
        if sheet.start is None or sheet.end is None:
            continue
        (top, left), (bottom, right) = sheet.start, sheet.end
        cells += (bottom - top + 1) * (right - left + 1)
        if cells > _MAX_CELLS:
            sys.exit(f"it has more than {_MAX_CELLS // 10**6} million cells")
        rows = [[_text(cell) for cell in row] for row in sheet.to_python(skip_empty_area=True)]
        line = json.dumps([name, sheet.start[0] + 1, rows])
        written += len(line)
        if written > _MAX_BYTES:
            sys.exit(f"it holds more than {_MAX_BYTES // 2**20} MiB of text")
        sys.stdout.write(line + "\n")


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return (cell.date() if cell.time() == time() else cell).isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    try:
        _print_sheets(sys.argv[1])
    except Exception as error:  # noqa: BLE001 - whatever the library raises is the reason that the parent tells
        sys.exit(str(error) or type(error).__name__)
