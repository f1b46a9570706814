"""The rows of a table of labels, whatever file it is: CSV, TSV, either of them in gzip, or a workbook.

Encoding, delimiter, title lines and header are detected, and everything that was guessed is noted.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path, PurePath

from annotator.domain.names import plain
from annotator.domain.plurals import counted
from annotator.errors import FacelabelError
from annotator.formats.importers.archives.code_pages import CODE_PAGES, guess_code_page
from annotator.formats.tables.workbook import ENDINGS as WORKBOOKS
from annotator.formats.tables.workbook import Sheet, read_workbook, workbook_ending
from annotator.imaging.image_kinds import IMAGE_ENDINGS
from annotator.text_encoding import marked_encoding, unicode_encoding

IMAGE_COLUMNS = (
    "image_name", "filename", "file_name", "image", "file", "image_id", "image_path", "file_path", "path", "img",
)  # fmt: skip
"""Headers of the column with the image's name, in any case, unless a mapping names that column."""

MAX_FILE_BYTES = 512 * 2**20
"""The largest size of a table; of one in gzip, also of what comes out."""

_TEXTS = (".csv", ".tsv", ".tab")
ENDINGS = (*_TEXTS, *(f"{ending}.gz" for ending in _TEXTS), *WORKBOOKS)
"""File name extensions of tables."""

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_USUAL_PAGES = ("cp1252", "cp850")
_TITLE_LINES = 20
_SEPARATOR = re.compile(r'[ \t]*"?sep=(.)"?[;, \t]*(?:\r?\n|\Z)', re.IGNORECASE)


@dataclass
class TableRows:
    """The header and the rows of a table.

    Args:
        header: the columns, without blanks at their ends.
        rows: the number of each row in the file and its cells, which may be more or fewer than the header has.
        notes: what had to be guessed about it, as clauses.
        place: what its rows are called: line or row.
    """

    header: list[str]
    rows: Iterator[tuple[int, list[str]]]
    notes: list[str] = field(default_factory=list)
    place: str = "line"

    def image_column(self, name: str | None) -> int | None:
        """Return the position of the column with the image's name; `name`: how the mapping calls it, or None."""
        return find_image_column(self.header, name)


def open_table(
    path: Path, image: str | None = None, encoding: str | None = None, words: Iterable[str] = ()
) -> TableRows:
    """Open a table and find its header.

    Args:
        path: the file.
        image: the column with the image's name; None: a usual name.
        encoding: the code page of its text; None: it is detected.
        words: words that may stand in it, which tell its code page.

    Raises:
        FacelabelError: if it is not a table.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise bad_table(path, f"it is larger than {MAX_FILE_BYTES // 2**20} MiB")
        if path.suffix.lower() in WORKBOOKS:
            return _open_workbook(path, image)
        content = _content(path)
    except OSError as error:
        raise bad_table(path, str(error.strerror or error)) from error
    if ending := workbook_ending(content):
        raise bad_table(
            path,
            f"it is a workbook ({ending})",
            do=f"Give its name the ending {ending}, or save the sheet as CSV.",
        )
    text, notes = _decode(path, content, encoding, words)
    if "\0" in text:
        raise bad_table(path, "it holds a NUL character")
    return _open_text(path, text, notes, image)


def find_image_column(header: list[str], name: str | None) -> int | None:
    """Return the position of the column with the image's name, or None."""
    spellings = [plain(cell) for cell in header]
    if name is not None and name.strip() in header:
        return header.index(name.strip())
    wanted = [plain(one) for one in (IMAGE_COLUMNS if name is None else (name,))]
    return next((spellings.index(one) for one in wanted if one in spellings), None)


def bad_table(path: Path, what: str, do: str = "Fix the file.") -> FacelabelError:
    """Return the error for a file that is not a table."""
    return FacelabelError("bad_table", f"{path} cannot be read as a label file: {what}.", do=do)


def _content(path: Path) -> bytes:
    if path.suffix.lower() != ".gz":
        return path.read_bytes()
    try:
        with gzip.open(path) as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise bad_table(path, f"it is not a whole gzip file ({error})") from error
    if len(content) > MAX_FILE_BYTES:
        raise bad_table(path, f"more than {MAX_FILE_BYTES // 2**20} MiB come out of it")
    return content


def _decode(path: Path, content: bytes, encoding: str | None, words: Iterable[str]) -> tuple[str, list[str]]:
    """The text of a file, without byte-order marks, and notes on its encoding."""
    guess = unicode_encoding(content)
    try:
        text = content.decode(encoding or guess).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        if encoding is not None:
            raise bad_table(
                path, f"it is not {encoding}, which the mapping names ({error.reason})"
            ) from error
        if marked_encoding(content):
            raise bad_table(
                path, f"it has the byte order mark of {guess.upper()}, but is not {guess.upper()}"
            ) from error
    else:
        return text, [] if encoding or guess == "utf-8" else [f"it is {guess.upper()[:6]}"]
    page = _code_page(content, words)
    note = f"it is not UTF-8 and was read as {_title(page)}: check the names; a mapping can name another code page: "
    return content.decode(page), [f'{note}encoding = "{page}"']


def _code_page(content: bytes, words: Iterable[str]) -> str:
    """The code page in which most of the words stand in the text, or else the one whose text looks most like words.

    Of pages that give the same text, the usual one is named.
    """
    lines = [line for line in content.splitlines() if not line.isascii()]
    sample = b"\n".join(lines)
    expected = {unicodedata.normalize("NFC", word) for word in words if not word.isascii()}
    counts = {page: _count(_decoded(sample, page), expected) for page in CODE_PAGES} if expected else {}
    page = max(counts, key=counts.__getitem__) if any(counts.values()) else guess_code_page(lines)
    text = _decoded(sample, page)
    return next(usual for usual in (*_USUAL_PAGES, page) if _decoded(sample, usual) == text)


def _decoded(content: bytes, page: str) -> str:
    try:
        return content.decode(page)
    except UnicodeDecodeError:
        return ""


def _count(text: str, words: set[str]) -> int:
    composed = unicodedata.normalize("NFC", text)
    return sum(word in composed for word in words)


def _title(page: str) -> str:
    return f"Windows-{page[2:]}" if page.startswith("cp125") else page


def _open_text(path: Path, text: str, notes: list[str], image: str | None) -> TableRows:
    first_line = 0
    delimiter = None
    if match := _SEPARATOR.match(text):
        delimiter, text, first_line = match[1], text[match.end() :], 1
    delimiter = delimiter or _delimiter(text, image)
    if delimiter != ",":
        notes.append(f"its cells are separated by {_DELIMITERS.get(delimiter, repr(delimiter))}")
    rows = ((number + first_line, cells) for number, cells in _split(path, text, delimiter))
    table = _with_header(rows, image)
    if table is None:
        raise bad_table(path, "it is empty")
    table.notes[:0] = notes
    return table


def _delimiter(text: str, image: str | None) -> str:
    """The separator that gives the widest header, or that occurs most often in the first line outside quotes."""
    head = list(islice(io.StringIO(text[:200_000], newline=None), _TITLE_LINES))
    widths = {}
    for delimiter in _DELIMITERS:
        try:
            rows = [_clean(row) for row in csv.reader(head, delimiter=delimiter, skipinitialspace=True)]
        except csv.Error:
            continue
        position = _find_header(rows, image)
        widths[delimiter] = 0 if position is None else len(rows[position])
    if max(widths.values(), default=0) > 1:
        return max(widths, key=widths.__getitem__)
    first = re.sub(r'"[^"]*"', "", next((line for line in head if line.strip()), ""))
    return max(_DELIMITERS, key=first.count)


def _split(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    try:
        reader = csv.reader(
            io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True
        )
    except (TypeError, ValueError) as error:
        raise bad_table(path, f"its first line names the separator {delimiter!r}") from error
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise bad_table(path, f"line {reader.line_num}: {error}") from error


def _with_header(rows: Iterator[tuple[int, list[str]]], image: str | None) -> TableRows | None:
    """The table that rows hold: lines above a header are titles. None if there is no row."""
    filled = ((number, cells) for number, cells in rows if any(map(str.strip, cells)))
    head = list(islice(filled, _TITLE_LINES))
    if not head:
        return None
    position = _find_header([_clean(cells) for _, cells in head], image)
    first = _clean(head[0][1])
    if position is None and PurePath(first[0].lower()).suffix in IMAGE_ENDINGS:
        header = [IMAGE_COLUMNS[0], *(str(number) for number in range(2, len(first) + 1))]
        return TableRows(
            header, chain(head, filled), ["it has no header: its columns are called image_name, 2, 3, …"]
        )
    position = position or 0
    notes = [f"{counted(position, 'line', 'lines')} above its header ignored"] if position else []
    return TableRows(_clean(head[position][1]), chain(head[position + 1 :], filled), notes)


def _find_header(rows: list[list[str]], image: str | None) -> int | None:
    """The position of the first row that names a column with the image's name and another one."""
    return next(
        (n for n, row in enumerate(rows) if len(row) > 1 and find_image_column(row, image) is not None), None
    )


def _clean(cells: list[str]) -> list[str]:
    """The cells of a header: without blanks and byte-order marks at their ends, and without empty columns at the end."""
    clean = [cell.strip().strip("\ufeff").strip() for cell in cells]
    while clean and not clean[-1]:
        clean.pop()
    return clean or [""]


def _open_workbook(path: Path, image: str | None) -> TableRows:
    """The first sheet that has a column with the image's name, or else the first that is not empty."""
    sheets = read_workbook(path)
    tables = {sheet.name: table for sheet in sheets if (table := _with_header(_numbered(sheet), image))}
    if not tables:
        raise bad_table(path, "it is empty")
    named = [name for name, table in tables.items() if table.image_column(image) is not None]
    chosen = (named or list(tables))[0]
    table = tables[chosen]
    table.place = "row"
    others = [name for name in tables if name != chosen]
    if others:
        table.notes.append(f"its sheet {chosen!r} was read, and not {', '.join(map(repr, others))}")
    return table


def _numbered(sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    return iter(enumerate(sheet.rows, sheet.first_row))
