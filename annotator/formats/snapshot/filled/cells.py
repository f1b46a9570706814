"""filled.csv and certificates.json: which cells of a snapshot a model filled, and what bounds their errors."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np

from annotator.domain.schema import canonical_json
from annotator.formats.snapshot.csv_text import csv_field, csv_line
from annotator.formats.snapshot.hashed_file import HashedFile
from annotator.formats.snapshot.images import ImageBatch
from annotator.formats.snapshot.manifest import damaged

FILLED = "filled.csv"
"""The name of the list of filled cells."""
CERTIFICATES = "certificates.json"
"""The name of the file of certificates."""
_NOTHING: frozenset[str] = frozenset()
FILLED_COLUMNS = ("image_name", "attribute", "code", "probability", "certificate")


class FilledCell(NamedTuple):
    """A row of filled.csv; all fields are texts of the file."""

    image_name: str
    attribute: str
    code: str
    probability: str
    certificate: str


@dataclass(frozen=True)
class SnapshotCertificate:
    """A certificate whose cells are filled.

    Args:
        name: `ATTRIBUTE:ATTEMPT`, the text of the column `certificate`.
        attribute: the name of its attribute.
        document: its entry of certificates.json without `name`, `attribute` and `filled`.
    """

    name: str
    attribute: str
    document: Mapping[str, Any]


class FilledCells:
    """Writes filled.csv while the images of a snapshot are written, and certificates.json afterwards.

    Args:
        folder: the folder of the snapshot.
        certificates: the certificates, in schema order of their attributes; without any, nothing is written.
    """

    def __init__(self, folder: Path, certificates: Sequence[SnapshotCertificate]) -> None:
        self._folder, self._certificates = folder, certificates
        self.counts: dict[str, Counter[int]] = {one.attribute: Counter() for one in certificates}
        """Filled cells by attribute and code."""
        self._files = ExitStack()
        self._csv: HashedFile | None = None

    def __enter__(self) -> Self:
        if self._certificates:
            self._csv = self._files.enter_context(HashedFile(self._folder / FILLED))
            self._csv.write(csv_line(FILLED_COLUMNS))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.__exit__(kind, error, trace)

    def add(self, batch: ImageBatch) -> None:
        """Write the rows of a batch of images."""
        if self._csv is None or not batch.filled:
            return
        columns = []
        for certificate in self._certificates:
            probabilities = batch.filled[certificate.attribute]
            codes = batch.codes[certificate.attribute]
            is_filled = ~np.isnan(probabilities)
            self.counts[certificate.attribute].update(codes[is_filled].tolist())
            columns.append(
                (f"{csv_field(certificate.attribute)},", codes, probabilities, is_filled, certificate.name)
            )
        for row in np.flatnonzero(np.any([column[3] for column in columns], axis=0)).tolist():
            name = csv_field(batch.names[row])
            for attribute, codes, probabilities, is_filled, certificate_name in columns:
                if is_filled[row]:
                    text = f"{attribute}{codes[row]},{probability_text(probabilities[row])},"
                    self._csv.write(f"{name},{text}{csv_field(certificate_name)}\n")

    def write_certificates(self) -> dict[str, dict[str, Any]]:
        """Write certificates.json and return the manifest's entries of both files; {} without certificates.

        Raises:
            OSError: if the file cannot be written.
        """
        if self._csv is None:
            return {}
        with HashedFile(self._folder / CERTIFICATES) as file:
            document = {"certificates": self.entries, "format": "facelabel-certificates", "version": 1}
            file.write(canonical_json(document))
        return {FILLED: self._csv.entry(), CERTIFICATES: file.entry()}

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The entries of certificates.json."""
        return [
            {
                **one.document,
                "attribute": one.attribute,
                "filled": {str(code): cells for code, cells in sorted(self.counts[one.attribute].items())},
                "name": one.name,
            }
            for one in self._certificates
        ]


def probability_text(probability: float) -> str:
    """The text of a probability in filled.csv: six decimals."""
    return f"{probability:.6f}"


def has_filled_cells(manifest: Mapping[str, Any]) -> bool:
    """Return whether a snapshot lists cells that a model filled."""
    return FILLED in manifest["files"]


def read_filled_cells(folder: Path, manifest: Mapping[str, Any]) -> Iterator[FilledCell]:
    """Yield the rows of a snapshot's filled.csv in its order; nothing if it has none.

    Raises:
        FacelabelError: if the file has other columns.
    """
    if not has_filled_cells(manifest):
        return
    with (folder / FILLED).open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, strict=True)
        try:
            if tuple(next(rows, ())) != FILLED_COLUMNS:
                raise damaged(folder, f"{FILLED} has other columns than {', '.join(FILLED_COLUMNS)}")
            for row in rows:
                yield FilledCell(*row)
        except (csv.Error, TypeError, UnicodeDecodeError) as error:
            raise damaged(folder, f"{FILLED} cannot be read: {error}") from error


class FilledByImage:
    """filled.csv, which is read in step with the images."""

    def __init__(self, cells: Iterator[FilledCell]) -> None:
        self._cells = cells
        self._cell = next(cells, None)

    def attributes(self, image_name: str) -> frozenset[str]:
        """Return the attributes of an image whose values a model filled; calls must be in the order of the names."""
        attributes = []
        while self._cell is not None and self._cell.image_name <= image_name:
            if self._cell.image_name == image_name:
                attributes.append(self._cell.attribute)
            self._cell = next(self._cells, None)
        return frozenset(attributes) if attributes else _NOTHING


def read_certificates(folder: Path, manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the certificates of a snapshot; [] if it has none.

    Raises:
        FacelabelError: if certificates.json does not follow FORMATS.md.
    """
    if CERTIFICATES not in manifest["files"]:
        return []
    try:
        document = json.loads((folder / CERTIFICATES).read_bytes())
        is_right = document["format"] == "facelabel-certificates" and document["version"] == 1
        certificates = list(document["certificates"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged(folder, f"{CERTIFICATES} cannot be read: {error!r}") from error
    if not is_right or not all(isinstance(one, dict) for one in certificates):
        raise damaged(folder, f"{CERTIFICATES} is not of version 1")
    return certificates
