"""Reading untrusted JSON, CSV and text files, and refusing what cannot be read.

Only one item of a file is in memory at a time, so that a file of any size is read in bounded memory.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn, TextIO

from annotator.errors import FacelabelError
from annotator.text_encoding import encoding_title, file_encoding, unicode_encoding

MAX_ITEM = 4 * 2**20
"""The largest number of characters of one item (a task, a line, a tag)."""

MAX_TEXT = 4096
"""The largest number of characters of a name or a value."""

_CHUNK = 2**16
_SPACE = " \t\r\n"
_STRING_MARK = re.compile(r'["\\]')


def refuse(path: Path, what: str, where: str = "") -> NoReturn:
    """Refuse a whole file.

    Args:
        path: the file.
        what: what is wrong, as a clause: "it is …" or "… is …".
        where: the place in the file, such as "task 17".

    Raises:
        FacelabelError: always.
    """
    place = f"{where}: " if where else ""
    raise FacelabelError(
        "bad_source", f"{path} cannot be read: {place}{what}.", do="Fix the file, or export it again."
    )


def plain_text(path: Path, where: str, value: object, what: str) -> str:
    """Return a name or a value as text, or refuse the file.

    The text has at most 4,096 characters, can be encoded as UTF-8 and has no NUL. Numbers and booleans become JSON.

    Args:
        path: the file.
        where: the place in the file.
        value: the name or value.
        what: what it is, for the error.

    Raises:
        FacelabelError: if it is not such a text.
    """
    if isinstance(value, bool | int | float):
        value = json.dumps(value)
    if not isinstance(value, str):
        refuse(path, f"{what} is not a text", where)
    if len(value) > MAX_TEXT:
        refuse(path, f"{what} is longer than {MAX_TEXT} characters", where)
    if "\0" in value or not _encodable(value):
        refuse(path, f"{what} {value[:60]!r} holds characters that are not text", where)
    return value


def image_name(path: Path, where: str, value: object) -> str:
    """Return an image's name as a relative path inside a folder, or refuse the file.

    Raises:
        FacelabelError: if it is not such a path.
    """
    name = plain_text(path, where, value, "the image's name")
    parts = PurePosixPath(name).parts
    if not parts or parts[0] == "/" or ".." in parts:
        refuse(path, f"the image's name {name[:60]!r} is not the name of a file inside a folder", where)
    return name


def read_json_items(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield the items of a JSON array or of JSON lines, each with its number from 1.

    Raises:
        FacelabelError: if it is neither, or an item is malformed, nested too deeply or longer than 4 MiB.
    """
    with text_of(path) as file:
        source = JsonText(path, file)
        in_array = source.peek() == "["
        if in_array:
            source.take()
            if source.peek() == "]":
                source.take()
                expect_end(path, source)
                return
        number = 0
        while in_array or source.peek():
            number += 1
            yield number, source.item(f"item {number}")
            if in_array:
                mark = source.take()
                if mark == "]":
                    break
                if mark != ",":
                    refuse(path, "a comma or ] is missing after it", f"item {number}")
        expect_end(path, source)


def first_item(path: Path) -> Any:
    """Return the first item of a JSON array or of JSON lines; None if it cannot be read."""
    try:
        return next((item for _, item in read_json_items(path)), None)
    except FacelabelError:
        return None


def first_line(path: Path) -> str:
    """Return the first line of a text file without its line end; "" if it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_CHUNK)
        decoder = codecs.getincrementaldecoder(
            unicode_encoding(head)
        )()  # the chunk may end within a character
        return decoder.decode(head).lstrip("\ufeff").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError):
        return ""


def read_csv_rows(path: Path, delimiter: str = ",") -> Iterator[tuple[str, list[str]]]:
    """Yield the rows of a CSV, the header too, each with its place; empty lines are skipped.

    Raises:
        FacelabelError: if it is not Unicode, or a row is malformed or has another number of cells than the first.
    """
    with text_of(path) as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        width = None
        try:
            for cells in reader:
                if not cells:
                    continue
                width = width or len(cells)
                if len(cells) != width:
                    refuse(path, f"{len(cells)} cells instead of {width}", f"line {reader.line_num}")
                yield f"line {reader.line_num}", cells
        except csv.Error as error:
            refuse(path, str(error), f"line {reader.line_num}")
        except UnicodeDecodeError as error:
            _refuse_encoding(path, error, f"after line {reader.line_num}")


def read_csv_records(
    path: Path, needed: Iterable[str], delimiter: str = ","
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a CSV with a header by column, each with its place.

    Raises:
        FacelabelError: as `read_csv_rows`, or if a needed column is missing or a column occurs twice.
    """
    rows = read_csv_rows(path, delimiter)
    _, header = next(rows, ("", []))
    if missing := [column for column in needed if column not in header]:
        refuse(path, f"it has no column {missing[0]}")
    if repeated := [column for column in header if header.count(column) > 1]:
        refuse(path, f"it has two columns {repeated[0][:60]!r}")
    for where, cells in rows:
        yield where, dict(zip(header, cells, strict=True))


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the lines of a text file without their line ends (LF or CR LF), each with its place.

    Raises:
        FacelabelError: if it is not Unicode or a line is longer than 4 MiB.
    """
    with text_of(path) as file:
        number = 0
        try:
            while line := file.readline(MAX_ITEM):
                number += 1
                if len(line) == MAX_ITEM:
                    refuse(path, f"it is longer than {MAX_ITEM} characters", f"line {number}")
                yield f"line {number}", line.removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            _refuse_encoding(path, error, f"after line {number}")


def text_of(path: Path) -> TextIO:
    """Open a text file in UTF-8 or UTF-16, with or without a byte order mark; the line ends stay as they are.

    Raises:
        FacelabelError: if it is not a file or cannot be opened.
    """
    try:
        if not path.is_file():
            refuse(path, "it is not a file")
        return path.open(encoding=file_encoding(path), newline="\n")
    except OSError as error:
        refuse(path, str(error.strerror))


def _refuse_encoding(path: Path, error: UnicodeDecodeError, where: str = "") -> NoReturn:
    refuse(path, f"it is not {encoding_title(error.encoding)} ({error.reason})", where)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def expect_end(path: Path, source: JsonText) -> None:
    """Refuse the file if anything but white space follows.

    Raises:
        FacelabelError: if something follows.
    """
    if source.peek():
        refuse(path, "something follows the end of its list")


class JsonText:
    """A JSON text; only the part around the current item is in memory."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path = path
        self._file = file
        self._text = ""
        self._at = 0
        self._ended = False
        self._decode = json.JSONDecoder().raw_decode

    def peek(self) -> str:
        """Return the next character that is not white space; "" at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(_CHUNK):
                return ""

    def take(self) -> str:
        """Consume and return the next character that is not white space; "" at the end."""
        character = self.peek()
        self._at += len(character)
        return character

    def item(self, where: str) -> Any:
        """Consume and return the next JSON value."""
        if not self.peek():
            refuse(self._path, "it ends in the middle", where)
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except RecursionError:
                refuse(self._path, "it is nested too deeply", where)
            except ValueError as error:
                if not self._more(max(_CHUNK, len(self._text) - self._at)):
                    refuse(self._path, f"it is not valid JSON ({error})", where)
                continue
            # A number may continue after the end of what has been read.
            if end == len(self._text) and self._more(_CHUNK):
                continue
            self._at = end
            return value

    def skip_string(self, where: str) -> None:
        """Consume a JSON string of any length without keeping it; it begins at the next character.

        Raises:
            FacelabelError: if it does not end.
        """
        self.take()
        while True:
            mark = _STRING_MARK.search(self._text, self._at)
            if mark is not None and mark[0] == '"':
                self._at = mark.end()
                return
            if mark is not None and mark.end() < len(self._text):
                self._at = mark.end() + 1  # the escaped character
                continue
            self._at = len(self._text) if mark is None else mark.start()
            if not self._more(_CHUNK):
                refuse(self._path, "it ends in the middle", where)

    def _more(self, characters: int) -> bool:
        """Read more text; return False at the end of the file or if the item has become too long."""
        if self._ended or len(self._text) - self._at > MAX_ITEM:
            return False
        try:
            read = self._file.read(characters)
        except UnicodeDecodeError as error:
            _refuse_encoding(self._path, error)
        self._ended = not read
        self._text, self._at = self._text[self._at :] + read, 0
        return bool(read)
