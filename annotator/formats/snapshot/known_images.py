"""Images that a snapshot was written of before: the next one of the same images has the same images.csv, and new labels.csv."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.schema import Schema
from annotator.formats.snapshot.hashed_file import HashedFile
from annotator.formats.snapshot.images import BATCH, Codes
from annotator.formats.snapshot.labels import LabelLines
from annotator.formats.snapshot.tally import Tally


@dataclass(frozen=True)
class KnownImages:
    """What was written.

    Attributes:
        file: images.csv.
        entry: what the manifest says of it.
        counts: of the manifest.
        fields: the names as they stand in labels.csv, in its order.
        splits: (images,) the splits' places in SPLITS.
    """

    file: Path
    entry: dict[str, Any]
    counts: dict[str, Any]
    fields: list[str]
    splits: NDArray[np.int8]


@dataclass(frozen=True)
class Relabelled:
    """Known images with today's labels: a column for each attribute, and how many images need no further answer."""

    images: KnownImages
    codes: Codes
    done: int


def write_relabelled(
    folder: Path, schema: Schema, given: Relabelled
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write labels.csv, and give images.csv, which never changes, a name in this folder too; returns the files' entries and the counts."""
    known = given.images
    _share(known.file, folder / "images.csv")
    lines = LabelLines(schema, names=False)
    with HashedFile(folder / "labels.csv") as file:
        file.write(lines.header())
        for start in range(0, len(known.fields), BATCH):
            some = slice(start, start + BATCH)
            file.write(
                lines.of(known.fields[some], {name: column[some] for name, column in given.codes.items()})
            )
    tally = Tally(schema)
    tally.add_labels(known.splits, given.codes)
    counts = known.counts | {"attributes": tally.labels(), "labelled": given.done}
    return {"labels.csv": file.entry(), "images.csv": known.entry}, counts


def _share(file: Path, place: Path) -> None:
    try:
        os.link(file, place)
    except OSError:  # not every file system can: a copy is the same to a reader
        with file.open("rb") as source, place.open("wb") as target:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
