"""The formats that are read, by name, and telling which one a file or folder is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from annotator.errors import FacelabelError
from annotator.formats.importers import archive, celeba, coursework, snapshot_source, table, video
from annotator.formats.importers.base import SourceContents
from annotator.formats.tools import class_folders, cvat, huggingface, label_studio, makesense, parquet


@dataclass(frozen=True)
class Reader:
    """How one format is recognised (cheaply, without reading all of it) and read."""

    recognise: Callable[[Path], bool]
    read: Callable[[Path], SourceContents]


READERS = {
    "celeba": Reader(celeba.recognise, celeba.read),
    "coursework": Reader(coursework.recognise, coursework.read),
    "snapshot": Reader(snapshot_source.recognise, snapshot_source.read),
    "huggingface": Reader(huggingface.recognise, huggingface.read),
    "parquet": Reader(parquet.recognise, parquet.read),
    "label_studio": Reader(label_studio.recognise, label_studio.read),
    "cvat": Reader(cvat.recognise, cvat.read),
    "makesense": Reader(makesense.recognise, makesense.read),
    "class_folders": Reader(class_folders.recognise, class_folders.read),
    "table": Reader(table.recognise, table.read),
}
"""The formats whose files are read where they are, the particular before the general."""

LABEL_FILES = ("label_studio", "cvat", "makesense")
"""The formats of one file that may lie beside its images, as in the archives that these tools export."""

_LABEL_ENDINGS = {".json", ".csv", ".tsv", ".xml"}

CONTAINERS = {"archive": archive.recognise, "video": video.recognise}
"""What must be unpacked first: archives of anything, and videos of frames."""

FORMATS = ("folder", *CONTAINERS, *READERS)
"""All names that `--format` takes, but for auto."""


def find_label_files(folder: Path) -> dict[Path, str]:
    """The files right in a folder that hold labels of its images, by the format; tables are not opened for that."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _LABEL_ENDINGS)
    found = {path: recognise(path) for path in files if path.is_file()}
    return {path: form for path, form in found.items() if form in {*LABEL_FILES, "table"}}


def recognise(path: Path) -> str:
    """The format of a file or folder; what is nothing else is a folder (or a file) of images."""
    readers = {name: reader.recognise for name, reader in READERS.items()}
    for name, recognises in (CONTAINERS | readers).items():
        try:
            if recognises(path):
                return name
        except (OSError, ValueError, FacelabelError):
            continue
    return "folder"
