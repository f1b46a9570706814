"""Parquet: reads the three typed tables that exporters/parquet_tables writes for pandas, Polars, DuckDB and others.

labels.parquet has image_name and a column of int32 codes per attribute (null is not labelled, -1 is "can't tell"),
attributes.parquet has attribute, code, name and status, and images.parquet describes the images. filled.parquet, if it is
there, lists the labels that a model filled: they are left out, because nobody answered them. The same labels give the
same bytes with the same version of pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotator.domain.schema import CANNOT_TELL
from annotator.formats.importers.base import SourceAnswer, SourceContents, SourceImage, note_on_filled
from annotator.formats.importers.folder_files import take_rest
from annotator.formats.importers.parquet_rows import read_rows
from annotator.formats.importers.safe_readers import image_name, plain_text, refuse

_TABLES = ("labels", "attributes", "images")
_FILLED = "filled.parquet"


def recognise(path: Path) -> bool:
    """Return whether a folder holds the three tables."""
    return all((path / f"{name}.parquet").is_file() for name in _TABLES)


def read(path: Path) -> SourceContents:
    """Read the folder; the values are names.

    Raises:
        FacelabelError: it names the table and the row that cannot be read.
    """
    contents = SourceContents()
    names = {
        (str(row.get("attribute")), str(row.get("code"))): row.get("name")
        for _, row in _rows(path / "attributes.parquet")
    }
    for where, row in _rows(path / "images.parquet"):
        name = image_name(path, where, row.get("image_name"))
        place = path / "images" / name
        group, split, original = (str(row.get(key) or "") for key in ("group", "split", "original_path"))
        contents.images.append(
            SourceImage(
                name,
                place if place.is_file() else None,
                original,
                "" if group.startswith("image:") else group,
                split,
            )
        )
    filled = {(str(row.get("image_name")), str(row.get("attribute"))) for _, row in _filled_rows(path)}
    if filled:
        contents.notes.append(note_on_filled(len(filled), _FILLED))
    for where, row in _rows(path / "labels.parquet"):
        name = image_name(path, where, row.pop("image_name", None))
        for attribute, code in row.items():
            if code is None or (name, attribute) in filled:
                continue
            value: Any = None
            if code != CANNOT_TELL:
                if (attribute, str(code)) not in names:
                    refuse(path, f"{str(code)[:40]!r} is not a code of {attribute[:60]!r}", where)
                value = plain_text(path, where, names[attribute, str(code)], attribute)
            contents.answers.append(SourceAnswer(name, attribute, value))
    tables = [path / f"{table}.parquet" for table in _TABLES] + [path / _FILLED]
    take_rest(contents, path, tables, lambda rest: rest.relative_to(path).as_posix(), "are in no row")
    return contents


def _filled_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    return _rows(path / _FILLED) if (path / _FILLED).is_file() else iter(())


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((f"{path.name}, {where}", row) for where, row in read_rows(path))
