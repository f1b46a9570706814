"""Parquet: the three tables of a snapshot with types, for pandas, Polars, DuckDB and the like.

labels.parquet (image_name, then a column of int32 codes per attribute: null is not labelled, -1 is "can't tell"),
attributes.parquet (attribute, code, name, status) and images.parquet. The same labels give the same bytes with the same
version of pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotator.domain.schema import CANNOT_TELL
from annotator.formats.importers.base import Foreign, ForeignAnswer, ForeignImage
from annotator.formats.importers.folder_files import take_rest
from annotator.formats.importers.safe_readers import image_name, plain_text, refuse

_TABLES = ("labels", "attributes", "images")


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


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    from annotator.formats.exporters.parquet_tables import read_rows  # noqa: PLC0415 - most imports need no pyarrow

    return ((f"{path.name}, {where}", row) for where, row in read_rows(path))
