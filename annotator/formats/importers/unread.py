"""Files of known kinds that are not read, each with what to do instead of importing it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NoReturn

from annotator.errors import FacelabelError
from annotator.formats.importers.ignored_files import read_head
from annotator.formats.importers.json_members import read_json_members
from annotator.formats.importers.safe_readers import first_item

READ_FORMATS = (
    "image files and folders, zip and tar archives, videos, tables (CSV, TSV, Excel), COCO, labelme, FiftyOne, Label Studio, "
    "CVAT for images, makesense, Hugging Face imagefolders, CelebA's lists, class folders, and snapshots and exports of Facelabel"
)
"""What can be imported, as errors list it."""

_UNPACK = "Unpack it and import the folder."
_CONVERT = "Write its labels as a CSV with one row per image, and import that."
_EXPORT = "Export it as one of the formats that are read, and import that."


@dataclass(frozen=True)
class UnreadFile:
    """A file that is not read.

    Args:
        what: its kind, as in "a 7-Zip archive".
        do: what to do instead, in whole sentences.
    """

    what: str
    do: str


_STARTS = (
    (b"7z\xbc\xaf\x27\x1c", UnreadFile("a 7-Zip archive", _UNPACK)),
    (b"Rar!\x1a\x07", UnreadFile("a RAR archive", _UNPACK)),
    (b"MSCF\0\0\0\0", UnreadFile("a cabinet archive", _UNPACK)),
    (b"\x28\xb5\x2f\xfd", UnreadFile("compressed by Zstandard", _UNPACK)),
    (b"xar!", UnreadFile("a xar archive", _UNPACK)),
    (b"MATLAB 5.0 MAT-file", UnreadFile("a file of MATLAB", _CONVERT)),
    (b"MATLAB 7.3 MAT-file", UnreadFile("a file of MATLAB", _CONVERT)),
    (b"\x89HDF\r\n\x1a\n", UnreadFile("an HDF5 file", _CONVERT)),
    (b"\x93NUMPY", UnreadFile("an array of NumPy", _CONVERT)),
    (b"SQLite format 3\0", UnreadFile("a SQLite database", _CONVERT)),
    (b"%PDF-", UnreadFile("a PDF", "Export its pictures as image files and import those.")),
    (b"PAR1", UnreadFile("a Parquet file that is not an export of Facelabel", _CONVERT)),
    (b"ARROW1", UnreadFile("an Arrow file", _CONVERT)),
)
"""Kinds by their first bytes."""

_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_YOLO_LINE = re.compile(r"\d+( -?\d*\.?\d+){4,}\s*")
_TEXTS = frozenset({".json", ".jsonl", ".ndjson", ".geojson", ".txt", ".xml", ".yaml", ".yml", ".toml"})
_DOCCANO_LABELS = frozenset({"label", "labels", "entities", "cats"})
_DOCCANO_DATA = frozenset({"text", "filename", "data"})
_MEMBERS_READ = 50


def refuse_unread(path: Path) -> None:
    """Refuse a file that is known by its first bytes and not read, whatever its name.

    Raises:
        FacelabelError: if it is such a file; the error says what to do instead.
    """
    if (unread := _by_start(path)) is not None:
        _refuse(path, unread)


def refuse_labels(path: Path) -> None:
    """Refuse a file that no reader recognises, if it is not an image but known or named like a file of labels.

    Raises:
        FacelabelError: if it is such a file; the error lists the formats that are read.
    """
    if (unread := describe_unread(path)) is not None:
        _refuse(path, unread)


def describe_unread(path: Path) -> UnreadFile | None:
    """Return what a file is that no reader recognises and that is no image; None if nothing is known about it."""
    return _by_start(path) or _by_content(path)


def _refuse(path: Path, unread: UnreadFile) -> NoReturn:
    raise FacelabelError(
        "not_read",
        f"{path} is {unread.what}, which is not read.",
        do=f"{unread.do} Read are: {READ_FORMATS}.",
    )


def _by_start(path: Path) -> UnreadFile | None:
    start = read_head(path)
    known = next((unread for begin, unread in _STARTS if start.startswith(begin)), None)
    if known is None and _PICKLE.match(start):
        return UnreadFile(
            "a pickle of Python", f"A pickle can run any code, so it is never opened. {_CONVERT}"
        )
    return known


def _by_content(path: Path) -> UnreadFile | None:
    """The kind of a text file by its first lines or members; None if the file is not named like a text."""
    ending = path.suffix.lower()
    if ending not in _TEXTS:
        return None
    head = _head(path)
    if ending == ".xml":
        kind = (
            "an annotation of Pascal VOC"
            if re.search(r"<annotation[\s>]", head)
            else "XML of an unknown kind"
        )
        return UnreadFile(kind, _EXPORT)
    if ending in {".json", ".jsonl", ".ndjson", ".geojson"}:
        return _json_kind(path, head)
    lines = [line for line in head.splitlines() if line.strip()]
    if lines and all(_YOLO_LINE.fullmatch(line) for line in lines[:20]):
        return UnreadFile("a label file of YOLO, which has numbers without names", _EXPORT)
    if lines and ("\t" in lines[0] or "," in lines[0]):
        return UnreadFile(
            "text in columns", "If it is a table of labels, rename it so that it ends in .csv, and import it."
        )
    return UnreadFile("text of an unknown kind", _EXPORT)


def _head(path: Path) -> str:
    return read_head(path).decode("utf-8-sig", errors="replace")


def _json_kind(path: Path, head: str) -> UnreadFile:
    if head.lstrip().startswith("[") or path.suffix.lower() in {".jsonl", ".ndjson"}:
        item = first_item(path)
        is_doccano = isinstance(item, dict) and item.keys() & _DOCCANO_LABELS and item.keys() & _DOCCANO_DATA
        return UnreadFile(
            "an export of doccano" if is_doccano else "a list in JSON of an unknown kind", _EXPORT
        )
    try:
        members = list(islice(read_json_members(path), _MEMBERS_READ))
    except FacelabelError as error:
        reason = error.what.removeprefix(f"{path} cannot be read: ").rstrip(".")
        return UnreadFile(f"damaged JSON ({reason})", _EXPORT)
    keys = {key for key, _, _ in members}
    inner = {member for _, member, _ in members}
    if any(key.startswith("_via_") for key in keys) or inner >= {"filename", "regions", "file_attributes"}:
        return UnreadFile("a project of the VGG Image Annotator", _EXPORT)
    if inner >= {"category", "image"} and any(
        isinstance(v, dict) and "file_path" in v for _, _, v in members
    ):
        return UnreadFile(
            "the list of images of FFHQ, which has no labels", "Import the folder of its images."
        )
    if keys & _DOCCANO_LABELS and keys & _DOCCANO_DATA:
        return UnreadFile("an export of doccano", _EXPORT)
    return UnreadFile("JSON of an unknown kind", _EXPORT)
