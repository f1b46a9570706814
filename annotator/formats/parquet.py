"""Parquet: the three tables of a snapshot with types, for pandas, Polars, DuckDB and the like.

labels.parquet (image_name, then a column of int32 codes per attribute: null is not labelled, -1 is "can't tell"),
attributes.parquet (attribute, code, name, status) and images.parquet. The same labels give the same bytes with the same
version of pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from annotator.domain.schema import CANNOT_TELL
from annotator.formats.export import Export, Losses, safe_name
from annotator.formats.folder_files import take_rest
from annotator.formats.foreign import Foreign, ForeignAnswer, ForeignImage
from annotator.formats.reading import image_name, plain_text, refuse
from annotator.formats.snapshot import SnapshotImage

_ROWS = 65_536
_TABLES = ("labels", "attributes", "images")
_IMAGES = pa.schema(
    [
        ("image_name", pa.string()), ("sha256", pa.string()), ("width", pa.int32()), ("height", pa.int32()),
        ("split", pa.string()), ("group", pa.string()), ("source", pa.string()), ("original_path", pa.string()),
    ]
)  # fmt: skip
_ATTRIBUTES = pa.schema(
    [("attribute", pa.string()), ("code", pa.int32()), ("name", pa.string()), ("status", pa.string())]
)


def recognise(path: Path) -> bool:
    """Whether a folder holds the three tables."""
    return all((path / f"{name}.parquet").is_file() for name in _TABLES)


def read(path: Path) -> Foreign:
    """Read such a folder; the values are names.

    Raises:
        FacelabelError: naming the table and the row that cannot be read.
    """
    found = Foreign()
    names = {
        (str(row.get("attribute")), str(row.get("code"))): row.get("name")
        for _, row in _rows(path / "attributes.parquet")
    }
    for where, row in _rows(path / "images.parquet"):
        name = image_name(path, where, row.get("image_name"))
        place = path / "images" / name
        group, split, original = (str(row.get(key) or "") for key in ("group", "split", "original_path"))
        found.images.append(
            ForeignImage(
                name,
                place if place.is_file() else None,
                original,
                "" if group.startswith("image:") else group,
                split,
            )
        )
    for where, row in _rows(path / "labels.parquet"):
        name = image_name(path, where, row.pop("image_name", None))
        for attribute, code in row.items():
            if code is None:
                continue
            value: Any = None
            if code != CANNOT_TELL:
                if (attribute, str(code)) not in names:
                    refuse(path, f"{str(code)[:40]!r} is not a code of {attribute[:60]!r}", where)
                value = plain_text(path, where, names[attribute, str(code)], attribute)
            found.answers.append(ForeignAnswer(name, attribute, value))
    tables = [path / f"{table}.parquet" for table in _TABLES]
    take_rest(found, path, tables, lambda rest: rest.relative_to(path).as_posix(), "stand in no row")
    return found


def write(folder: Path, export: Export) -> Losses:
    """Write the three tables; the images, if they are taken along, stand under their names in `images/`."""
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
    ):
        for batch in _batches(export.images):
            labels.write_table(_labels(batch, labels_schema, columns))
            images.write_table(_images(batch))
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


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(4096):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path.name}, row {number}", row
    except (pa.ArrowException, OSError, ValueError) as error:
        refuse(path, f"it is not a Parquet file ({str(error)[:200]})")
