"""The cells of a snapshot that a model filled (filled.csv of FORMATS.md): no model may learn from them or be measured on them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from trainer.runtime.errors import SnapshotError

FILLED = "filled.csv"
_TYPES = {"image_name": pa.string(), "attribute": pa.string(), "code": pa.int64()}


def mask_filled_cells(
    path: Path,
    files: Mapping[str, Any],
    names: pa.ChunkedArray,
    codes: Mapping[str, pa.ChunkedArray],
    labels: dict[str, NDArray[np.int64]],
    unlabelled: int,
) -> None:
    """Make the filled cells of a snapshot unlabelled.

    Args:
        path: The snapshot, whose files have been verified.
        files: The files of its manifest.
        names: The image names of labels.csv.
        codes: Categorical attribute → the column of labels.csv.
        labels: Categorical attribute → (images,) class indices, which are changed.
        unlabelled: The class index of a cell without an answer.

    Raises:
        SnapshotError: filled.csv does not fit labels.csv.
    """
    if FILLED not in files:
        return
    convert = pyarrow.csv.ConvertOptions(
        column_types=_TYPES, include_columns=list(_TYPES), null_values=[""], strings_can_be_null=False
    )
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    table = pyarrow.csv.read_csv(path / FILLED, parse_options=parse, convert_options=convert).combine_chunks()
    rows = pc.index_in(table["image_name"], value_set=names.combine_chunks()).fill_null(-1).to_numpy()
    attributes, filled = table["attribute"], table["code"].to_numpy()
    fits = np.zeros(len(table), bool)
    for name, column in codes.items():
        here = pc.equal(attributes, name).to_numpy(zero_copy_only=False) & (rows >= 0)
        fits[here] = column.fill_null(unlabelled).to_numpy()[rows[here]] == filled[here]
        labels[name][rows[here]] = unlabelled
    if not fits.all():
        image, attribute = (table[name][int(fits.argmin())].as_py() for name in ("image_name", "attribute"))
        raise SnapshotError(
            f"{FILLED} of {path} does not fit labels.csv: {attribute} of {image}.",
            "Nothing was changed.",
            "Export the snapshot again.",
        )
