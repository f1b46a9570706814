"""The formats that can be imported, by name, and recognising the format of a file or folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from annotator.errors import FacelabelError
from annotator.formats.importers import celeba, coursework, snapshot_source, video
from annotator.formats.importers.archives import unpacking
from annotator.formats.importers.base import SourceContents
from annotator.formats.importers.ignored_files import is_system_file
from annotator.formats.tables import table
from annotator.formats.tables.table_rows import ENDINGS as TABLE_ENDINGS
from annotator.formats.tools import (
    class_folders,
    coco,
    cvat,
    fiftyone,
    huggingface,
    label_studio,
    labelme,
    makesense,
    parquet,
)


@dataclass(frozen=True)
class Reader:
    """The functions that recognise a format, without reading whole files, and read it."""

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
    "coco": Reader(coco.recognise, coco.read),
    "labelme": Reader(labelme.recognise, labelme.read),
    "fiftyone": Reader(fiftyone.recognise, fiftyone.read),
    "class_folders": Reader(class_folders.recognise, class_folders.read),
    "table": Reader(table.recognise, table.read),
}
"""The formats whose files are read in place, special ones before general ones."""

LABEL_FILES = ("label_studio", "cvat", "makesense", "coco", "fiftyone")
"""Formats of a label file that lies beside its images in the archives that these tools export."""

_LABEL_ENDINGS = (".json", ".xml", *TABLE_ENDINGS)

CONTAINERS = {"archive": unpacking.recognise, "video": video.recognise}
"""The formats that must be unpacked first."""

FORMATS = ("folder", *CONTAINERS, *READERS)
"""All names that `--format` accepts besides auto."""


TITLES = {
    "celeba": "CelebA's lists",
    "coursework": "the coursework tool's files",
    "snapshot": "Facelabel's snapshots",
    "huggingface": "Hugging Face imagefolders",
    "parquet": "Facelabel's Parquet tables",
    "label_studio": "Label Studio (JSON, JSON_MIN, CSV, TSV)",
    "cvat": "CVAT for images (XML)",
    "makesense": "makesense (CSV, JSON)",
    "coco": "COCO (JSON)",
    "labelme": "labelme and X-AnyLabeling (JSON)",
    "fiftyone": "FiftyOne (labels.json, samples.json)",
    "class_folders": "class folders",
    "table": "tables (CSV, TSV, Excel and OpenDocument workbooks)",
}
"""What each format is called in messages."""


def format_list() -> str:
    """Return the formats of labels that are read, in words."""
    titles = [TITLES.get(name, name) for name in READERS]
    return f"{', '.join(titles[:-1])} and {titles[-1]}"


def find_label_files(folder: Path) -> dict[Path, str]:
    """Return the label files directly in a folder with their formats; a table is recognised by its name only."""
    files = sorted(
        path
        for path in folder.iterdir()
        if path.name.lower().endswith(_LABEL_ENDINGS) and not is_system_file(path.name)
    )
    formats = {path: recognise(path) for path in files if path.is_file()}
    return {path: form for path, form in formats.items() if form in {*LABEL_FILES, "table"}}


def recognise(path: Path) -> str:
    """Return the format of a file or folder; "folder" (of images, or an image file) if no other format fits."""
    if path.exists() and not (path.is_dir() or path.is_file()):
        return "folder"  # a pipe or a device: opening it might wait for ever
    readers = {name: reader.recognise for name, reader in READERS.items()}
    for name, recognises in (CONTAINERS | readers).items():
        try:
            if recognises(path):
                return name
        except (OSError, ValueError, FacelabelError):
            continue
    return "folder"
