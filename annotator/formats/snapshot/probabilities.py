"""probabilities.parquet: the soft label of each cell, from who answered what, written and checked in parts."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.schema import Schema
from annotator.formats.snapshot.manifest import damaged, sha256_of

PROBABILITIES = "probabilities.parquet"
"""The name of the file."""
DECIMALS = 4
"""Probabilities are rounded, so that processors whose last bits differ write the same bytes."""
TOLERANCE = 0.005
"""By how much rounded probabilities may miss 1 in sum."""


@dataclass(frozen=True)
class SoftLabels:
    """The soft labels of some images, in the order of their names; those of an image in schema order.

    Args:
        names: the images' names, one entry per cell.
        attributes: the cells' attributes.
        lengths: (cells,) the number of codes of the attribute.
        p: (sum of lengths,) cell after cell the probabilities of the codes, in the order of attributes.csv.
        cannot_tell: (cells,) the probability of "can't tell".
        opinions: (cells,) how many people answered independently.
    """

    names: list[str]
    attributes: list[str]
    lengths: NDArray[np.int64]
    p: NDArray[np.float64]
    cannot_tell: NDArray[np.float64]
    opinions: NDArray[np.int64]


def write_probabilities(folder: Path, parts: Iterable[SoftLabels] | None) -> dict[str, Any]:
    """Write the file and return its entry of the manifest by its name; {} without soft labels.

    Raises:
        OSError: if the file cannot be written.
    """
    if parts is None:
        return {}
    import pyarrow as pa  # noqa: PLC0415 - the server starts without it
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema, path = _schema(), folder / PROBABILITIES
    with path.open("wb") as file:
        with pq.ParquetWriter(file, schema, compression="snappy") as writer:
            for part in parts:
                ends = np.r_[0, np.cumsum(part.lengths)].astype(np.int32)
                columns = [
                    pa.array(part.names, pa.string()),
                    pa.array(part.attributes, pa.string()),
                    pa.ListArray.from_arrays(ends, np.round(part.p, DECIMALS).astype(np.float32)),
                    pa.array(np.round(part.cannot_tell, DECIMALS).astype(np.float32)),
                    pa.array(part.opinions.astype(np.int32)),
                ]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))
        file.flush()
        os.fsync(file.fileno())
    return {PROBABILITIES: {"bytes": path.stat().st_size, "sha256": sha256_of(path)}}


def check_probabilities(folder: Path, manifest: dict[str, Any]) -> None:
    """Check that every row of the file follows FORMATS.md and is about a cell of labels.csv with a label.

    Raises:
        FacelabelError: it names the first row that is not.
    """
    import pyarrow as pa  # noqa: PLC0415 - the server starts without it
    import pyarrow.parquet as pq  # noqa: PLC0415

    codes = {
        entry["name"]: len(entry["values"])
        for entry in manifest["schema"]["attributes"]
        if entry["kind"] == "categorical"
    }
    labelled = _labelled(folder / "labels.csv", codes)
    try:
        with pq.ParquetFile(folder / PROBABILITIES) as file:
            if not file.schema_arrow.equals(_schema()):
                raise damaged(folder, f"{PROBABILITIES} has other columns than those of FORMATS.md")
            for part in file.iter_batches():
                _check(folder, part, labelled, codes)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise damaged(folder, f"{PROBABILITIES} cannot be read: {str(error).splitlines()[0]}") from error


def _schema() -> Any:
    import pyarrow as pa  # noqa: PLC0415 - the server starts without it

    return pa.schema(
        [
            ("image_name", pa.string()),
            ("attribute", pa.string()),
            ("p", pa.list_(pa.float32())),
            ("cannot_tell", pa.float32()),
            ("opinions", pa.int32()),
        ]
    )


def _labelled(labels: Path, codes: dict[str, int]) -> Iterator[tuple[str, str]]:
    """(image, attribute) of the cells of categorical attributes with a label, in the order of labels.csv."""
    with labels.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for name in codes:
                if row[name] != "":
                    yield row["image_name"], name


def _check(folder: Path, part: Any, labelled: Iterator[tuple[str, str]], codes: dict[str, int]) -> None:
    cells = list(zip(part["image_name"].to_pylist(), part["attribute"].to_pylist(), strict=True))
    for cell in cells:  # both come in the same order, so each cell is found further on
        if cell not in labelled:
            what = f"the cell {cell[1]!r} of {str(cell[0])[:60]!r} has no label, or the rows are not sorted"
            raise damaged(folder, f"{PROBABILITIES}: {what}")

    def require(right: NDArray[np.bool_], what: str) -> None:
        if not right.all():
            name, attribute = cells[int(np.argmin(right))]
            raise damaged(folder, f"{PROBABILITIES}: {what}, for {attribute!r} of {name[:60]!r}")

    lengths = np.array([len(p or ()) for p in part["p"].to_pylist()], np.int64)
    require(
        lengths == [codes[attribute] for _, attribute in cells], "there is not one probability for each code"
    )
    numbers = part["p"].flatten().to_numpy(zero_copy_only=False)
    cannot_tell = part["cannot_tell"].to_numpy(zero_copy_only=False)
    opinions = part["opinions"].to_numpy(zero_copy_only=False)
    of_cell = np.repeat(np.arange(len(cells)), lengths)
    valid = np.bincount(of_cell, ~((numbers >= 0) & (numbers <= 1)), len(cells)) == 0
    require(valid & (cannot_tell >= 0) & (cannot_tell <= 1), "a probability is not between 0 and 1")
    total = np.bincount(of_cell, numbers, len(cells)) + cannot_tell
    require(np.abs(total - 1) <= TOLERANCE, "the probabilities do not add up to 1")
    require(opinions >= 0, "the number of opinions is negative or missing")


def code_places(schema: Schema) -> dict[str, list[int]]:
    """Categorical attribute → its codes in the order of attributes.csv, which is that of the probabilities."""
    return {
        attribute.name: [value.code for value in attribute.values]
        for attribute in schema.attributes
        if attribute.kind == "categorical"
    }
