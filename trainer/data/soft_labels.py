"""probabilities.parquet of a snapshot (FORMATS.md): how probable each value of a labelled cell is, from several answers."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from trainer.data.snapshot import AGAIN, KEPT, Attribute, Snapshot
from trainer.runtime.errors import SnapshotError

FILE = "probabilities.parquet"
SoftLabels = dict[str, NDArray[np.float32]]
"""Categorical attribute → (images, classes) probabilities of the classes, given that the value can be told; rows add up to 1
where there is a label, and are zero elsewhere."""
_TOLERANCE = 0.005


def read_soft_labels(snapshot: Snapshot) -> SoftLabels:
    """Read the soft labels of a snapshot, whose bytes `Snapshot.open` has verified.

    A labelled cell without a row in the file has its label with probability 1.

    Raises:
        SnapshotError: The snapshot has no such file, or the file does not follow FORMATS.md.
    """
    soft_labels_sha256(snapshot)
    soft = {attribute.name: _hard(attribute, snapshot) for attribute in snapshot.categorical}
    names = pa.array(snapshot.image_names, pa.string())
    try:
        with pq.ParquetFile(snapshot.path / FILE) as file:
            for part in file.iter_batches(columns=["image_name", "attribute", "p"]):
                for attribute, rows in _by_attribute(snapshot, part):
                    images = pc.index_in(rows["image_name"], value_set=names)
                    p = rows["p"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
                    p = p.reshape(rows.num_rows, len(attribute.values))
                    _put(soft[attribute.name], images.to_numpy(zero_copy_only=False).astype(np.int64), p)
    except (pa.ArrowException, KeyError, ValueError, TypeError, OSError) as cause:
        raise SnapshotError(
            f"{FILE} of {snapshot.path} does not follow FORMATS.md: {cause}.", KEPT, AGAIN
        ) from cause
    return soft


def soft_labels_sha256(snapshot: Snapshot) -> str:
    """Return the SHA-256 of the snapshot's soft labels.

    Raises:
        SnapshotError: It has none.
    """
    if FILE not in snapshot.manifest["files"]:
        raise SnapshotError(
            f"{snapshot.path} holds no soft labels.", KEPT, "Export it again with --probabilities."
        )
    return str(snapshot.manifest["files"][FILE]["sha256"])


def _hard(attribute: Attribute, snapshot: Snapshot) -> NDArray[np.float32]:
    labels = snapshot.labels[attribute.name]
    hard: NDArray[np.float32] = (labels[:, None] == np.arange(len(attribute.values))).astype(np.float32)
    return hard


def _by_attribute(snapshot: Snapshot, part: pa.RecordBatch) -> Iterator[tuple[Attribute, pa.Table]]:
    table = pa.Table.from_batches([part])
    for attribute in snapshot.categorical:
        rows = table.filter(pc.equal(table["attribute"], attribute.name))
        if rows.num_rows:
            yield attribute, rows


def _put(soft: NDArray[np.float32], images: NDArray[np.int64], p: NDArray[np.float32]) -> None:
    """Write the probabilities of some labelled cells, normalised to those of a value that can be told."""
    total = p.sum(axis=1, keepdims=True)
    if (images < 0).any() or not (
        np.isfinite(p).all() and (p >= 0).all() and (total <= 1 + _TOLERANCE).all()
    ):
        raise ValueError("an image is unknown, or a number is no probability")
    told = (soft[images].sum(axis=1) > 0) & (total[:, 0] > _TOLERANCE)  # elsewhere the label stands
    soft[images[told]] = p[told] / total[told]
