"""Reading a JSON object member by member, two levels deep, in bounded memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from annotator.errors import FacelabelError
from annotator.formats.importers.safe_readers import JsonText, expect_end, read_json_items, refuse, text_of

JsonMember = tuple[str, str | None, Any]
"""A key of the object, a key of the object under it (None if an array or a plain value is under it), and a value."""

_SAMPLE = 5000


def read_json_members(path: Path, skipped: Collection[str] = ()) -> Iterator[JsonMember]:
    """Yield what is in a JSON object: of arrays and objects in it every item, of other members their value.

    Args:
        path: the file.
        skipped: keys whose strings are skipped, whatever their length.

    Raises:
        FacelabelError: if it is not an object, or a part is malformed, nested too deeply or longer than 4 MiB.
    """
    with text_of(path) as file:
        source = JsonText(path, file)
        if source.take() != "{":
            refuse(path, "it is not a JSON object")
        for key in _keys(path, source):
            opening = source.peek()
            if opening == '"' and key in skipped:
                source.skip_string(key)
            elif opening == "{":
                source.take()
                for member in _keys(path, source):
                    yield key, member, source.item(f"{key[:60]}: {member[:60]}")
            elif opening == "[":
                yield from ((key, None, item) for item in _items(path, source, key))
            else:
                yield key, None, source.item(key[:60])
        expect_end(path, source)


def sample_members(path: Path) -> list[JsonMember]:
    """Return the first members of a JSON object, by which a format is recognised; what was read before an error."""
    members: list[JsonMember] = []
    try:
        for member in islice(read_json_members(path, skipped={"imageData"}), _SAMPLE):
            members.append(member)  # noqa: PERF402 - what came before an error is kept
    except FacelabelError:
        return members
    return members


def json_fault(path: Path) -> str:
    """Return why the beginning of a JSON file, or of JSON lines, cannot be read, as a clause; "" if it can."""
    faults = []
    for read in (read_json_members, read_json_items):
        try:
            for _ in islice(read(path), _SAMPLE):
                pass
        except FacelabelError as error:
            faults.append(error.what.removeprefix(f"{path} cannot be read: ").rstrip("."))
        else:
            return ""
    with text_of(path) as file:
        is_object = JsonText(path, file).peek() == "{"
    return faults[0 if is_object else 1]


def _keys(path: Path, source: JsonText) -> Iterator[str]:
    """Yield the keys of the object that has begun; before the next one the caller consumes the value."""
    if source.peek() == "}":
        source.take()
        return
    mark = ","
    while mark == ",":
        key = source.item("a key")
        if not isinstance(key, str) or source.take() != ":":
            refuse(path, f"it is not valid JSON (a key or a colon is missing at {str(key)[:60]!r})")
        yield key
        mark = source.take()
        if mark not in {",", "}"}:
            refuse(path, "a comma or } is missing after it", key[:60])


def _items(path: Path, source: JsonText, key: str) -> Iterator[Any]:
    """Yield the items of the array that begins here."""
    source.take()
    if source.peek() == "]":
        source.take()
        return
    number, mark = 0, ","
    while mark == ",":
        number += 1
        yield source.item(f"{key[:60]} {number}")
        mark = source.take()
        if mark not in {",", "]"}:
            refuse(path, "a comma or ] is missing after it", f"{key[:60]} {number}")
