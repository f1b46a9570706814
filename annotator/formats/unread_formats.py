"""Files of other tools that are recognised but not read, with the way to bring their content in."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

from annotator.formats.import_formats import format_list, recognise
from annotator.formats.importers.ignored_files import IgnoredFiles, kind_of, read_head
from annotator.formats.importers.json_members import json_fault
from annotator.imaging.image_kinds import unreadable_kind
from annotator.text_encoding import decode_text, unicode_encoding

_TABLE = "Write it as a CSV with a row per image: the columns image_name and one per attribute"
_UNPACK = "Unpack it and import the folder, or pack it as zip or tar."

_STARTS = {
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", _UNPACK),
    b"Rar!\x1a\x07": ("a RAR archive", _UNPACK),
    b"MSCF\0\0\0\0": ("a cabinet archive", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("a file packed with Zstandard", _UNPACK),
    b"MATLAB 5.0": ("a MATLAB file", f"{_TABLE}, for example with scipy.io.loadmat and pandas."),
    b"\x89HDF\r\n": ("an HDF5 or MATLAB 7.3 file", f"{_TABLE}, for example with h5py and pandas."),
    b"PAR1": (
        "a Parquet file on its own",
        f"{_TABLE}, for example with pandas, and write images that lie in it as files.",
    ),
    b"\x93NUMPY": ("a NumPy file", f"{_TABLE}, for example with pandas."),
    b"SQLite format 3": ("a SQLite database", f"{_TABLE}."),
    b"\xd0\xcf\x11\xe0": ("an old Office document", "Save it as CSV."),
}
_ENDINGS = {
    ".pkl": ("a pickled Python object, which could run a program", f"{_TABLE}."),
    ".pickle": ("a pickled Python object, which could run a program", f"{_TABLE}."),
    ".tfrecord": ("a TFRecord file", f"{_TABLE}, and write its images as files."),
    ".lmdb": ("an LMDB database", f"{_TABLE}, and write its images as files."),
    ".rec": ("an MXNet record file", "Write its images as files in a folder per person."),
}
_PARTS = (
    "a part of a split archive",
    "Join the parts, for example with 7-Zip, unpack them and import the folder.",
)
_ENDINGS |= dict.fromkeys((".001", ".z01", ".part1"), _PARTS)
_PACKED = {
    b"PK\3\4": (
        "a zip archive or an Office document",
        "Name an archive so that it ends in .zip; save a document as CSV.",
    ),
    b"\x1f\x8b": ("a file packed with gzip", "Unpack it, or name an archive so that it ends in .tar.gz."),
}
"""What a file is that begins so, unless its ending says more."""

_YOLO = re.compile(r"\d+( -?\d*\.?\d+){4,}\s*")
_NOTES = {".txt", ".html", ".toml", ".yaml", ".yml", ".md"}
"""Endings of files that seldom hold labels; nobody wants to read about each README."""

_JSON_ENDINGS = {".json", ".jsonl", ".ndjson"}
_LABEL_ENDINGS = {
    ".json",
    ".jsonl",
    ".ndjson",
    ".xml",
    ".txt",
    ".csv",
    ".tsv",
    ".yaml",
    ".yml",
    ".html",
    ".toml",
}


@dataclass(frozen=True)
class Unread:
    """What a file is, as in "a RAR archive", and what a person can do with it."""

    what: str
    do: str


def describe_unread(path: Path) -> Unread | None:
    """Return what a file is that no format reads; None if nothing is known about it."""
    head = read_head(path)
    return (
        _describe_content(path, head)
        or _describe_toml(path)
        or (_describe_labels(path, head) if recognise(path) == "folder" else None)
    )


def _describe_content(path: Path, head: bytes) -> Unread | None:
    """What a file is by its first bytes, or by an ending that says it."""
    if not head and path.is_file() and not path.stat().st_size:
        return Unread("an empty file", "Name another file.")
    for start, described in _STARTS.items():
        if head.startswith(start):
            return Unread(*described)
    by_ending = _ENDINGS.get(path.suffix.lower())
    if by_ending is not None:
        return Unread(*by_ending)
    if image := unreadable_kind(path, head):
        what, _, advice = image.partition(";")
        return Unread(what, f"{advice[1:2].upper()}{advice[2:]}.")
    return None


def _describe_labels(path: Path, head: bytes) -> Unread | None:
    """What a file is that may hold labels, but not of a form that is read."""
    ending = path.suffix.lower()
    packed = next((described for start, described in _PACKED.items() if head.startswith(start)), None)
    if packed or ending not in _LABEL_ENDINGS:
        return Unread(*packed) if packed else None
    if ending in _JSON_ENDINGS and (fault := json_fault(path)):
        return Unread(f"a malformed {ending} file ({fault})", "Export it again, or save it as UTF-8.")
    text = head.decode(unicode_encoding(head), errors="replace").lstrip("\ufeff")
    known = (_known_json(text) if text.lstrip().startswith(("{", "[")) else "") or _known_text(text)
    return Unread(
        known or f"a {ending} file of a form that is not known",
        f"Labels are read from {format_list()}. {_TABLE}.",
    )


def _describe_toml(path: Path) -> Unread | None:
    """A file of ours that is no source of labels: a schema or a mapping."""
    if path.suffix.lower() != ".toml":
        return None
    try:
        document = tomllib.loads(decode_text(path.read_bytes()).lstrip("\ufeff"))
    except (OSError, ValueError, RecursionError):
        return None
    if "attribute" in document:
        return Unread(
            "a schema, the attributes of a project",
            "To use it, copy it to attributes.toml in the project's folder and call `facelabel schema apply`, or make a new "
            "project with `facelabel init --schema FILE`.",
        )
    if document.keys() & {"columns", "labels", "image"}:
        return Unread(
            "a mapping of names, and no labels",
            "Name the source that it translates, and the mapping with --map FILE: `facelabel import SOURCE --map FILE`.",
        )
    return None


def _known_text(text: str) -> str:
    """The data set or tool that wrote a text; "" if it is not known."""
    if "original_image" in text.partition("\n")[0]:
        return "Adience's list of faces"
    if re.match(r"\s*(<\?[^>]*>\s*)?<annotation>", text):
        return "an annotation of Pascal VOC"
    lines = [line for line in text.splitlines() if line.strip()][:-1] or [text]  # the last line may be cut
    return "a label file of YOLO, which has numbers without names" if all(map(_YOLO.fullmatch, lines)) else ""


def describe_kinds(ignored: IgnoredFiles, others: Iterable[Path]) -> None:
    """Add what the files of other tools among the ignored ones are, by the first of each kind."""
    for path in others:
        kind = kind_of(PurePath(path.name))
        is_text = path.suffix.lower() in _NOTES
        if kind in ignored.counts and kind not in ignored.advice and not is_text:
            unread = describe_unread(path)
            ignored.advice[kind] = (
                f"{path.name} is {unread.what}, which is not read. {unread.do}" if unread else ""
            )


def _known_json(text: str) -> str:
    """The tool that wrote JSON whose first object looks so; "" if it is not known."""
    line = text.partition("\n")[0]
    try:
        keys = set(json.loads(line)) if line.endswith("}") else set()
    except (ValueError, RecursionError):
        keys = set()
    if {"id", "label"} <= keys and keys & {"text", "data", "filename"}:
        return "an export of doccano"
    if '"file_path"' in text and '"category"' in text:
        return "the description of FFHQ"
    if "_via_" in text or ('"file_attributes"' in text and '"regions"' in text):
        return "a project of the VGG Image Annotator"
    if '"asset"' in text and '"regions"' in text:
        return "an export of VoTT"
    if '"DataRow ID"' in text or '"data_row"' in text:
        return "an export of Labelbox"
    return ""
