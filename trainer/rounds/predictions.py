"""The predictions folder (FORMATS.md): an Arrow file that is mapped into memory, and a manifest written last."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainer import __version__
from trainer.acquisition import Ranking
from trainer.data.snapshot import Snapshot
from trainer.runtime.errors import PredictionsError
from trainer.runtime.files import file_entry, read_manifest, replacing, write_manifest

FORMAT, VERSION = "facelabel-predictions", 1
FILE = "predictions.arrow"
ROWS_PER_BATCH = 65_536


@dataclass(frozen=True)
class Predictions:
    """A verified predictions folder.

    Attributes:
        manifest: The manifest.
        table: The rows, mapped into memory.
    """

    manifest: dict[str, Any]
    table: pa.Table

    @classmethod
    def open(cls, folder: Path) -> "Predictions":
        """Verify a folder and map its rows.

        Raises:
            PredictionsError: It is incomplete, a byte was changed, or its version is unknown.
        """
        manifest = read_manifest(
            folder / "manifest.json", format_name=FORMAT, version=VERSION, error=PredictionsError
        )
        try:
            table = pa.ipc.open_file(pa.memory_map(str(folder / FILE))).read_all()
        except (pa.ArrowException, OSError) as cause:
            raise PredictionsError(
                f"{folder / FILE} cannot be read: {cause}.", "Nothing was changed.", "Run the round again."
            ) from cause
        return cls(manifest, table)

    def probabilities(self, attribute: str) -> NDArray[np.float32]:
        """Return the (images, classes) probabilities of an attribute."""
        column = self.table[f"p:{attribute}"].combine_chunks()
        values: NDArray[np.float32] = column.flatten().to_numpy().reshape(-1, column.type.list_size)
        return values

    def order(self) -> NDArray[np.int32]:
        """Return the row numbers of the images to label, the first to label first."""
        rows: NDArray[np.int32] = self.table["order"].drop_null().to_numpy()
        return rows


def refuse_if_written(folder: Path) -> None:
    """Check that a folder holds no predictions, because predictions are never edited.

    Raises:
        PredictionsError: It holds predictions.
    """
    if (folder / "manifest.json").exists():
        raise PredictionsError(
            f"{folder} holds predictions.", "They were not changed.", "Choose another folder."
        )


def write_predictions(
    folder: Path,
    snapshot: Snapshot,
    probabilities: Mapping[str, NDArray[np.float32]],
    ranking: Ranking,
    *,
    priors: Mapping[str, NDArray[np.float64]],
    about: dict[str, Any],
) -> dict[str, Any]:
    """Write a predictions folder, the manifest last.

    Args:
        folder: Created if it does not exist.
        snapshot: The snapshot that is answered.
        probabilities: Attribute → (images, classes).
        ranking: Scores and order.
        priors: Attribute → (classes,) class priors for the class-balanced answer.
        about: The entries `metrics`, `model`, `seed` and `strategy` of the manifest.

    Returns:
        The manifest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = _table(snapshot, probabilities, ranking)
    with (
        replacing(folder / FILE) as temporary,
        pa.ipc.new_file(str(temporary), table.schema) as writer,
    ):
        writer.write_table(table, max_chunksize=ROWS_PER_BATCH)
    attributes = [
        {"codes": attribute.codes, "name": attribute.name, "prior": priors[attribute.name].tolist()}
        for attribute in snapshot.categorical
        if attribute.name in probabilities
    ]
    manifest = {
        **about,
        "created_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "files": {FILE: file_entry(folder / FILE)},
        "format": FORMAT,
        "rows": len(snapshot),
        "schema": {"attributes": attributes, "hash": snapshot.schema_hash},
        "snapshot": {"content_hash": snapshot.content_hash},
        "tool": f"facelabel {__version__}",
        "version": VERSION,
    }
    return write_manifest(folder / "manifest.json", manifest)


def _table(
    snapshot: Snapshot, probabilities: Mapping[str, NDArray[np.float32]], ranking: Ranking
) -> pa.Table:
    names = [a.name for a in snapshot.categorical if a.name in probabilities]
    columns: dict[str, pa.Array] = {
        "image_name": pa.array(snapshot.image_names, pa.string()),
        "sha256": pa.array(snapshot.sha256, pa.string()),
    }
    for name in names:
        p = probabilities[name]
        flat = pa.array(np.ascontiguousarray(p, np.float32).ravel())
        columns[f"p:{name}"] = pa.FixedSizeListArray.from_arrays(flat, p.shape[1])
    for name in names:
        columns[f"score:{name}"] = _with_nulls(ranking.cells[name])
    columns["score"] = _with_nulls(ranking.images)
    columns["drawn"] = _with_nulls(ranking.drawn)
    beyond = pa.nulls(len(snapshot) - len(ranking.order), pa.int32())
    columns["order"] = pa.concat_arrays([pa.array(ranking.order, pa.int32()), beyond])
    return pa.table(columns)


def _with_nulls(scores: NDArray[np.float32]) -> pa.Array:
    return pa.array(scores, pa.float32(), mask=np.isnan(scores))
