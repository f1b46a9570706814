"""Writing the Parquet tables of a dataset. It loads pyarrow at import."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from annotator.domain.schema import CANNOT_TELL
from annotator.formats.exporters.base import Export, Losses, safe_name
from annotator.formats.snapshot.images import SnapshotImage

_ROWS = 65_536
_IMAGES = pa.schema(
    [
        ("image_name", pa.string()), ("sha256", pa.string()), ("width", pa.int32()), ("height", pa.int32()),
        ("split", pa.string()), ("group", pa.string()), ("source", pa.string()), ("original_path", pa.string()),
    ]
)  # fmt: skip
_FILLED = pa.schema(
    [
        ("image_name", pa.string()),
        ("attribute", pa.string()),
        ("code", pa.int32()),
        ("probability", pa.float64()),
    ]
)
_ATTRIBUTES = pa.schema(
    [("attribute", pa.string()), ("code", pa.int32()), ("name", pa.string()), ("status", pa.string())]
)


def write(folder: Path, export: Export) -> Losses:
    """Write the three tables, filled.parquet if a model filled labels, and the image files under their names in `images/` if the export includes them.

    Raises:
        FacelabelError: if an image is to be written whose name cannot be the name of a file inside a folder.
    """
    columns = export.columns()
    labels_schema = pa.schema(
        [pa.field("image_name", pa.string()), *(pa.field(name, pa.int32()) for name in columns)]
    )
    values = [
        {"attribute": attribute.name, "code": value.code, "name": value.name, "status": value.status}
        for attribute in export.schema.attributes
        for value in attribute.values
    ]
    pq.write_table(pa.Table.from_pylist(values, _ATTRIBUTES), folder / "attributes.parquet")
    with (
        pq.ParquetWriter(folder / "labels.parquet", labels_schema) as labels,
        pq.ParquetWriter(folder / "images.parquet", _IMAGES) as images,
        ExitStack() as files,
    ):
        filled: pq.ParquetWriter | None = None
        for batch in _batches(export.images):
            labels.write_table(_labels(batch, labels_schema, columns))
            images.write_table(_images(batch))
            if rows := _filled(batch):
                filled = filled or files.enter_context(pq.ParquetWriter(folder / "filled.parquet", _FILLED))
                filled.write_table(pa.Table.from_pylist(rows, _FILLED))
            for image in batch:
                if export.place != "none":
                    place = folder / "images" / safe_name("A folder of images", image.name)
                    export.put_image(image, place)
    return Losses()


def _labels(batch: list[SnapshotImage], schema: pa.Schema, columns: list[str]) -> pa.Table:
    arrays = [pa.array([image.name for image in batch], pa.string())]
    for column in columns:
        codes = (image.labels.get(column, ...) for image in batch)
        cells = [None if code is ... else CANNOT_TELL if code is None else code for code in codes]
        arrays.append(pa.array(cells, pa.int32()))
    return pa.Table.from_arrays(arrays, schema=schema)


def _filled(batch: list[SnapshotImage]) -> list[dict[str, str | int | float | None]]:
    return [
        {"image_name": image.name, "attribute": name, "code": image.labels[name], "probability": probability}
        for image in batch
        for name, probability in image.filled.items()
    ]


def _images(batch: list[SnapshotImage]) -> pa.Table:
    arrays = [
        pa.array([getattr(image, field.name.replace("image_name", "name")) for image in batch], field.type)
        for field in _IMAGES
    ]
    return pa.Table.from_arrays(arrays, schema=_IMAGES)


def _batches(images: Iterable[SnapshotImage]) -> Iterator[list[SnapshotImage]]:
    iterator = iter(images)
    while batch := list(islice(iterator, _ROWS)):
        yield batch
