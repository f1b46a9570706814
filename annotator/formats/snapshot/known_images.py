"""Snapshots of images that an earlier snapshot has: they share its images.csv and faces.csv and get a new labels.csv."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.schema import Schema
from annotator.files import link_or_copy
from annotator.formats.snapshot.hashed_file import HashedFile
from annotator.formats.snapshot.images import BATCH, Codes
from annotator.formats.snapshot.labels import LabelLines
from annotator.formats.snapshot.tally import Tally


@dataclass(frozen=True)
class KnownFile:
    """A file of an earlier snapshot, and the manifest's entry of it."""

    file: Path
    entry: dict[str, Any]

    def link(self, folder: Path) -> dict[str, dict[str, Any]]:
        """Put the file into a folder, and return its entry by its name.

        Raises:
            OSError: if it cannot be written.
        """
        link_or_copy(self.file, folder / self.file.name)
        return {self.file.name: self.entry}


@dataclass(frozen=True)
class KnownImages:
    """The images of an earlier snapshot.

    Args:
        file: its images.csv.
        counts: the manifest's counts.
        fields: the image names as CSV fields, in the order of labels.csv.
        splits: (images,) positions of the splits in SPLITS.
    """

    file: KnownFile
    counts: dict[str, Any]
    fields: list[str]
    splits: NDArray[np.int8]


@dataclass(frozen=True)
class Relabelled:
    """Known images with their current labels.

    Args:
        images: the images.
        codes: (images,) codes of each attribute.
        done: the number of images that need no further answer.
    """

    images: KnownImages
    codes: Codes
    done: int


def write_relabelled(
    folder: Path, schema: Schema, relabelled: Relabelled
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write labels.csv and link images.csv into a folder; return the manifest's entries of both files, and its counts.

    Raises:
        OSError: if a file cannot be written.
    """
    images = relabelled.images
    lines = LabelLines(schema, names=False)
    with HashedFile(folder / "labels.csv") as file:
        file.write(lines.header())
        for start in range(0, len(images.fields), BATCH):
            some = slice(start, start + BATCH)
            file.write(
                lines.of(
                    images.fields[some], {name: column[some] for name, column in relabelled.codes.items()}
                )
            )
    tally = Tally(schema)
    tally.add_labels(images.splits, relabelled.codes)
    counts = images.counts | {"attributes": tally.labels(), "labelled": relabelled.done}
    return {"labels.csv": file.entry(), **images.file.link(folder)}, counts
