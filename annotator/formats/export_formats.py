"""The formats that a dataset can be exported in, by the names that the command and the page offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from annotator.formats.exporters import parquet_tables
from annotator.formats.exporters.base import Export, Losses
from annotator.formats.snapshot.writer import ImageMode
from annotator.formats.tools import class_folders, coursework_csv, cvat, huggingface, label_studio, makesense


@dataclass(frozen=True)
class ExportFormat:
    """An export format.

    Args:
        title: its name on the page.
        write: writes a dataset into an empty folder and returns what the format could not hold.
        images: whether image files are written by default.
        leaves_out: what the format cannot hold, in words; the report of an export counts it.
        tells_filled: whether the files tell labels that a model filled from answers.
    """

    title: str
    write: Callable[[Path, Export], Losses]
    images: ImageMode = "none"
    leaves_out: str = ""
    tells_filled: bool = False


EXPORT_FORMATS = {
    "coursework": ExportFormat(
        "The coursework's annotations.csv",
        coursework_csv.write,
        leaves_out="Attributes that are not among its six; images without a label.",
    ),
    "parquet": ExportFormat("Parquet tables", parquet_tables.write, tells_filled=True),
    "huggingface": ExportFormat("Hugging Face imagefolder", huggingface.write, "link", "Groups."),
    "class_folders": ExportFormat(
        "Class folders (torchvision ImageFolder)",
        class_folders.write,
        "link",
        "Missing labels, “can't tell”, groups, splits.",
    ),
    "label_studio": ExportFormat(
        "Label Studio JSON", label_studio.write, leaves_out="Groups and splits.", tells_filled=True
    ),
    "cvat": ExportFormat("CVAT for images XML 1.1", cvat.write, leaves_out="Groups and splits."),
    "makesense": ExportFormat("makesense JSON", makesense.write, leaves_out="Groups and splits."),
    "makesense_csv": ExportFormat(
        "makesense CSV", makesense.write_csv, leaves_out="Images without a label, groups and splits."
    ),
}
