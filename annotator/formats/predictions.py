"""Reading a predictions folder (FORMATS.md): verified once, then mapped into memory and read a row at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from annotator.formats.manifest import damaged, read_manifest, verify_files

_BATCH_ROWS = 65_536


@dataclass(frozen=True)
class Suggestion:
    """A model's answer to one cell."""

    code: int
    probability: float


class PredictionsFile:
    """A predictions folder whose manifest was read; its rows stay on disk.

    Args:
        folder: the folder that holds manifest.json and predictions.arrow.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder, "facelabel-predictions")
        self.codes: dict[str, list[int]] = {
            a["name"]: a["codes"] for a in self.manifest["schema"]["attributes"]
        }

    @cached_property
    def _batches(self) -> list[pa.RecordBatch]:
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(self.folder / "predictions.arrow")))
            return [reader.get_batch(i) for i in range(reader.num_record_batches)]
        except (OSError, pa.ArrowInvalid) as error:
            raise damaged(self.folder, f"predictions.arrow cannot be read: {error}") from error

    @property
    def rows(self) -> int:
        """How many images the file answers for."""
        return int(self.manifest["rows"])

    def verify(self) -> None:
        """Check every byte against the manifest, and that the columns are those it promises.

        Raises:
            FacelabelError: naming the file that differs.
        """
        verify_files(self.folder, self.manifest)
        names = set(self._batches[0].schema.names) if self._batches else set()
        wanted = {"image_name", "sha256", "score", "order"}
        wanted |= {f"{kind}:{attribute}" for attribute in self.codes for kind in ("p", "score")}
        if self._batches and not wanted <= names:
            raise damaged(self.folder, f"the column {min(wanted - names)} is missing")
        if sum(batch.num_rows for batch in self._batches) != self.rows:
            raise damaged(self.folder, "it has another number of rows than its manifest says")

    def names(self, start: int, count: int) -> list[str]:
        """The image names of some rows."""
        return [
            str(self._cell("image_name", row).as_py()) for row in range(start, min(start + count, self.rows))
        ]

    def order(self, start: int, count: int) -> list[str]:
        """Image names in the order of work, from the place `start`."""
        names = []
        for place in range(start, min(start + count, self.rows)):
            row = self._cell("order", place).as_py()
            if row is None:
                break
            names.append(str(self._cell("image_name", row).as_py()))
        return names

    def suggestions(self, image_name: str, sha256: str) -> dict[str, Suggestion]:
        """The most probable value of every attribute of an image; empty if the file does not know these bytes."""
        row = self._find(image_name)
        if row is None or self._cell("sha256", row).as_py() != sha256:
            return {}
        found = {}
        for attribute, codes in self.codes.items():
            probabilities = self._cell(f"p:{attribute}", row).as_py()
            best = max(range(len(codes)), key=probabilities.__getitem__)
            found[attribute] = Suggestion(codes[best], round(probabilities[best], 4))
        return found

    def _find(self, image_name: str) -> int | None:
        low, high = 0, self.rows
        while low < high:
            middle = (low + high) // 2
            if self._cell("image_name", middle).as_py() < image_name:
                low = middle + 1
            else:
                high = middle
        if low < self.rows and self._cell("image_name", low).as_py() == image_name:
            return low
        return None

    def _cell(self, column: str, row: int) -> Any:
        return self._batches[row // _BATCH_ROWS].column(column)[row % _BATCH_ROWS]
