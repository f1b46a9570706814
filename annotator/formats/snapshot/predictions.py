"""Reading a predictions folder (FORMATS.md): it is verified once, then mapped into memory and read row by row."""

from __future__ import annotations

import os
import weakref
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from annotator.errors import FacelabelError
from annotator.formats.snapshot.manifest import damaged, read_manifest, verify_files

_BATCH_ROWS = 65_536
_OTHERS = 8
"""The number of other values of a suggestion; a labeller would not go through more."""


@dataclass(frozen=True)
class Suggestion:
    """A model's answer to one cell, and the other values, most probable first."""

    code: int
    probability: float
    others: list[tuple[int, float]] = field(default_factory=list)


class PredictionsFile:
    """A predictions folder whose manifest was read; its rows stay on disk.

    Args:
        folder: the folder that holds manifest.json and predictions.arrow.

    `is_checked`: whether `check_columns` found the rows and columns that the manifest states.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder, "facelabel-predictions")
        self.is_checked = False
        self.codes: dict[str, list[int]] = {
            a["name"]: a["codes"] for a in self.manifest["schema"]["attributes"]
        }

    @cached_property
    def _mapped(self) -> tuple[int, int, list[pa.RecordBatch]]:
        """An open descriptor of predictions.arrow, its size, and its batches, which are mapped into memory."""
        try:
            descriptor = os.open(self.folder / "predictions.arrow", os.O_RDONLY)
            weakref.finalize(self, os.close, descriptor)
            size = os.fstat(descriptor).st_size
            if size != self.manifest["files"]["predictions.arrow"].get("bytes", size):
                raise damaged(self.folder, "predictions.arrow has another size than its manifest says")
            # By the descriptor, because another file may get the name at any moment.
            reader = pa.ipc.open_file(pa.memory_map(f"/proc/self/fd/{descriptor}"))
            return descriptor, size, [reader.get_batch(i) for i in range(reader.num_record_batches)]
        except (OSError, KeyError, AttributeError, pa.ArrowInvalid) as error:
            raise damaged(self.folder, f"predictions.arrow cannot be read: {error}") from error

    @property
    def _batches(self) -> list[pa.RecordBatch]:
        """The batches. A process that reads mapped bytes of a file that was cut off meanwhile is killed, so that is checked first."""
        descriptor, size, batches = self._mapped
        if os.fstat(descriptor).st_size != size:
            raise damaged(self.folder, "predictions.arrow was changed while it was in use")
        return batches

    def is_usable(self) -> bool:
        """Return whether the rows can be read now."""
        try:
            return self._batches is not None
        except FacelabelError:
            return False

    @property
    def rows(self) -> int:
        """The number of images in the file."""
        return int(self.manifest["rows"])

    @property
    def is_pruned(self) -> bool:
        """Whether the file was reduced to the images of the test split, without an order of work."""
        return "pruned" in self.manifest

    def verify(self) -> None:
        """Check every byte and the columns against the manifest.

        Raises:
            FacelabelError: it names what differs.
        """
        verify_files(self.folder, self.manifest)
        self.check_columns()

    def check_columns(self) -> None:
        """Check that the rows can be read, and that they have the columns and the number that the manifest states.

        Raises:
            FacelabelError: it names what differs.
        """
        names = set(self._batches[0].schema.names) if self._batches else set()
        expected = {"image_name", "sha256", "score", "order"}
        expected |= {f"{kind}:{attribute}" for attribute in self.codes for kind in ("p", "score")}
        if self._batches and not expected <= names:
            raise damaged(self.folder, f"the column {min(expected - names)} is missing")
        if sum(batch.num_rows for batch in self._batches) != self.rows:
            raise damaged(self.folder, "it has another number of rows than its manifest says")
        self.is_checked = True

    def all_names(self) -> Iterator[str]:
        """Yield the image names of all rows."""
        for batch in self._batches:
            yield from batch.column("image_name").to_pylist()

    def order(self, start: int, count: int) -> list[str]:
        """Return up to `count` image names in the order of work, from the position `start`."""
        names, rows = [], self._rows
        for place in range(start, min(start + count, self.rows)):
            row = rows.cell("order", place)
            if row is None:
                break
            names.append(str(rows.cell("image_name", row)))
        return names

    def drawn(self, image_name: str) -> float | None:
        """Return the probability with which an image was drawn into the order of work.

        It is 0 if the query strategy chose the image, and None if the file has no draws or does not have the image.
        """
        rows = self._rows
        row = rows.find(image_name)
        if row is None or not rows.has("drawn"):
            return None
        return float(rows.cell("drawn", row) or 0)

    def suggestions(self, image_name: str, sha256: str) -> dict[str, Suggestion]:
        """Return the model's answer to every attribute of an image; {} if the file does not have these bytes."""
        rows = self._rows
        row = rows.find(image_name)
        if row is None or rows.cell("sha256", row) != sha256:
            return {}
        suggestions = {}
        for attribute, codes in self.codes.items():
            probabilities = rows.cell(f"p:{attribute}", row)
            order = sorted(range(len(codes)), key=probabilities.__getitem__, reverse=True)
            best, *others = [(codes[place], round(probabilities[place], 4)) for place in order]
            suggestions[attribute] = Suggestion(*best, others[:_OTHERS])
        return suggestions

    def open_answers(
        self, attribute: str
    ) -> tuple[NDArray[np.int32], NDArray[np.int16], NDArray[np.float32]]:
        """Return the model's answers to the cells of one attribute that had no label.

        Returns:
            Of these cells, three arrays of the shape (cells,): the rows, the positions of the most probable codes in
            `codes`, and their probabilities.
        """
        rows, places, best = [], [], []
        for number, batch in enumerate(self._batches):
            is_open = _valid(batch.column(f"score:{attribute}"))
            p = _floats(batch.column(f"p:{attribute}").flatten()).reshape(batch.num_rows, -1)[is_open]
            rows.append((np.flatnonzero(is_open) + number * _BATCH_ROWS).astype(np.int32))
            places.append(p.argmax(axis=1).astype(np.int16))
            best.append(p.max(axis=1))
        if not rows:
            return np.empty(0, np.int32), np.empty(0, np.int16), np.empty(0, np.float32)
        return np.concatenate(rows), np.concatenate(places), np.concatenate(best)

    def open_probabilities(self, attribute: str, code: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the (cells,) rows of an attribute's cells that had no label, and the probability of one code in each."""
        place, rows, chosen = self.codes[attribute].index(code), [], []
        for number, batch in enumerate(self._batches):
            is_open = _valid(batch.column(f"score:{attribute}"))
            p = _floats(batch.column(f"p:{attribute}").flatten()).reshape(batch.num_rows, -1)
            rows.append((np.flatnonzero(is_open) + number * _BATCH_ROWS).astype(np.int32))
            chosen.append(p[is_open, place])
        if not rows:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        return np.concatenate(rows), np.concatenate(chosen)

    def rows_of(self, images: Iterable[tuple[str, str]]) -> NDArray[np.int64]:
        """Return the (images,) rows of images by name and SHA-256; -1 for images whose bytes the file does not have."""
        rows, found = self._rows, []
        for name, sha256 in images:
            row = rows.find(name)
            found.append(-1 if row is None or rows.cell("sha256", row) != sha256 else row)
        return np.asarray(found, np.int64)

    def probabilities(self, attribute: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the (rows, classes) probabilities of some rows, in the order of `codes`."""
        result = np.empty((len(rows), len(self.codes[attribute])))
        for number in np.unique(rows // _BATCH_ROWS):
            batch = self._batches[number]
            p = _floats(batch.column(f"p:{attribute}").flatten()).reshape(batch.num_rows, -1)
            here = rows // _BATCH_ROWS == number
            result[here] = p[rows[here] - number * _BATCH_ROWS]
        return result

    def uncertainty(self) -> NDArray[np.float32]:
        """Return (rows,) one minus the largest probability, the mean over all attributes (Lewis & Gale, SIGIR 1994)."""
        parts = [
            np.mean(
                [
                    1 - _floats(b.column(f"p:{a}").flatten()).reshape(b.num_rows, -1).max(axis=1)
                    for a in self.codes
                ],
                axis=0,
            )
            for b in self._batches
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.float32)

    def closed_cells(self, attribute: str) -> int:
        """Return the number of cells of an attribute without a score: nearly all of them had a label."""
        return sum(int((~_valid(batch.column(f"score:{attribute}"))).sum()) for batch in self._batches)

    def waits(self, image_name: str) -> bool:
        """Return whether an image has a score, so that it is in the order of work."""
        rows = self._rows
        row = rows.find(image_name)
        return row is not None and rows.cell("score", row) is not None

    def images_of(self, rows: Iterable[int]) -> list[tuple[str, str]]:
        """Return the image names and SHA-256 of some rows."""
        mine = self._rows
        return [(str(mine.cell("image_name", row)), str(mine.cell("sha256", row))) for row in rows]

    def span(self, first: str, last: str) -> tuple[int, int]:
        """Return the first row, and the one after the last row, of the images between two names, both included."""
        rows = self._rows
        return rows.place(first), rows.place(last + "\0")

    def images_between(self, start: int, stop: int) -> Iterator[tuple[str, str]]:
        """Yield the image names and SHA-256 of the rows from `start` on, `stop` not included."""
        row = start
        while row < stop:
            batch = self._batches[row // _BATCH_ROWS].slice(row % _BATCH_ROWS, stop - row)
            names, hashes = batch.column("image_name").to_pylist(), batch.column("sha256").to_pylist()
            yield from zip(names, hashes, strict=True)
            row += batch.num_rows

    @property
    def _rows(self) -> _Rows:
        return _Rows(self._batches)


class _Rows:
    """The rows of a file that was just found whole; they are sorted by image name."""

    def __init__(self, batches: list[pa.RecordBatch]) -> None:
        self._batches = batches
        self._count = sum(batch.num_rows for batch in batches)

    def cell(self, column: str, row: int) -> Any:
        return self._batches[row // _BATCH_ROWS].column(column)[row % _BATCH_ROWS].as_py()

    def has(self, column: str) -> bool:
        return column in self._batches[0].schema.names

    def find(self, image_name: str) -> int | None:
        place = self.place(image_name)
        return place if place < self._count and self.cell("image_name", place) == image_name else None

    def place(self, image_name: str) -> int:
        """The first row whose name is not less than this one."""
        return bisect_left(range(self._count), image_name, key=lambda row: self.cell("image_name", row))


# Arrow's `to_numpy` and `is_valid` load pandas and the compute library, 40 MB of memory in the web process.


def _floats(column: pa.FloatArray) -> NDArray[np.float32]:
    """The numbers of a column, without a copy; the number in place of a null is undefined."""
    return np.frombuffer(column.buffers()[1], np.float32)[column.offset : column.offset + len(column)]


def _valid(column: pa.Array) -> NDArray[np.bool_]:
    """(entries,) whether each entry of a column is not null."""
    bits = column.buffers()[0]
    if bits is None:
        return np.ones(len(column), np.bool_)
    flags = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")
    return flags[column.offset : column.offset + len(column)].astype(np.bool_)
