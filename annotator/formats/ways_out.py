"""The formats a dataset can leave in, by the name that the command and the page offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from annotator.formats import (
    class_folders_writer,
    coursework_csv,
    cvat,
    huggingface,
    label_studio,
    makesense,
    parquet,
)
from annotator.formats.export import Export, Losses
from annotator.formats.snapshot import ImageMode


@dataclass(frozen=True)
class WayOut:
    """One format.

    Args:
        title: what the page calls it.
        write: writes it into an empty folder and says what it could not hold.
        images: what happens with the image files if nobody says otherwise.
    """

    title: str
    write: Callable[[Path, Export], Losses]
    images: ImageMode = "none"


WAYS_OUT = {
    "coursework": WayOut("The coursework's annotations.csv", coursework_csv.write),
    "parquet": WayOut("Parquet tables", parquet.write),
    "huggingface": WayOut("Hugging Face imagefolder", huggingface.write, "link"),
    "class_folders": WayOut("Class folders (torchvision ImageFolder)", class_folders_writer.write, "link"),
    "label_studio": WayOut("Label Studio JSON", label_studio.write),
    "cvat": WayOut("CVAT for images XML 1.1", cvat.write),
    "makesense": WayOut("makesense JSON", makesense.write),
    "makesense_csv": WayOut("makesense CSV", makesense.write_csv),
}
