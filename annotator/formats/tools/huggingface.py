"""Hugging Face's imagefolder: a folder per split with image files and a metadata file.

We write JSON lines, because the `datasets` library reads a CSV's None, NA, null and n/a as missing and 0001 as 1. Names
are strings, an unlabelled cell is null, and "can't tell" is the string `can't tell`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from annotator.domain.schema import CANNOT_TELL_NAME
from annotator.errors import FacelabelError
from annotator.formats.exporters.base import Export, Losses, safe_name
from annotator.formats.importers.base import SourceAnswer, SourceContents, SourceImage
from annotator.formats.importers.folder_files import take_rest
from annotator.formats.importers.parquet_rows import read_rows
from annotator.formats.importers.safe_readers import (
    image_name,
    plain_text,
    read_csv_records,
    read_json_items,
    refuse,
)

METADATA = ("metadata.jsonl", "metadata.csv", "metadata.parquet")
_README = "README.md"
_SPLITS = {"train": "train", "val": "validation", "test": "test"}
_OURS = {"train": "train", "validation": "val", "valid": "val", "val": "val", "dev": "val", "test": "test"}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def recognise(path: Path) -> bool:
    """Return whether the path is a metadata file, or a folder with one in itself or in its folders of splits.

    Its rows must name files: other tables are called metadata.csv too.
    """
    return any(_names_files(file) for file, _ in _metadata_files(path))


def read(path: Path) -> SourceContents:
    """Read the folder; the cells stay as they are.

    Images have the names in their rows. If two splits share a name, every name begins with its split's folder.

    Raises:
        FacelabelError: it names the row that cannot be read.
    """
    files = _metadata_files(path)
    if not files:
        refuse(path, f"it has no {', '.join(METADATA)}")
    contents = _read_files(files, dict.fromkeys((file for file, _ in files), ""))
    if len({image.name for image in contents.images}) < len(
        {(image.split, image.name) for image in contents.images}
    ):
        contents = _read_files(files, {file: _prefix(path, file) for file, _ in files})
    if path.is_dir():
        own = [*(file for file, _ in files), path / _README]
        take_rest(contents, path, own, lambda rest: rest.relative_to(path).as_posix(), "are in no row")
    return contents


def _prefix(folder: Path, file: Path) -> str:
    return "" if file.parent == folder else f"{file.parent.name}/"


def _read_files(files: list[tuple[Path, str]], prefixes: dict[Path, str]) -> SourceContents:
    contents = SourceContents(has_empty_words=all(file.suffix == ".csv" for file, _ in files))
    for file, split in files:
        for where, row in _rows(file):
            _read_row(file, where, row, split, prefixes[file], contents)
    return contents


def write(folder: Path, export: Export) -> Losses:
    """Write `train`, `validation` and `test`, each with its metadata.jsonl and images, and a README.md that lists them.

    Image files keep their names. With `--images none` the metadata names files that are not written.

    Raises:
        FacelabelError: if an image's name cannot be the name of a file inside a folder.
    """
    names, columns = export.names(), export.columns()
    losses = Losses()
    with ExitStack() as stack:
        files: dict[str, TextIO] = {}
        for image in export.images:
            safe_name("An imagefolder", image.name)
            split = _SPLITS[image.split]
            if split not in files:
                (folder / split).mkdir()
                place = folder / split / "metadata.jsonl"
                files[split] = stack.enter_context(place.open("w", encoding="utf-8", newline="\n"))
            row: dict[str, str | None] = {"file_name": image.name}
            for column in columns:
                row[column] = names[column, image.labels[column]] if column in image.labels else None
                if _DATE.match(row[column] or ""):
                    losses.add(
                        f"names of {column} that begin like a date: a column of only such names is read as timestamps",
                        image.name,
                    )
            files[split].write(json.dumps(row, ensure_ascii=False) + "\n")
            export.put_image(image, folder / split / image.name)
    if not files:
        empty = folder / "train" / "metadata.jsonl"
        empty.parent.mkdir()
        empty.touch()
    used = [split for split in _SPLITS.values() if split in files]
    (folder / _README).write_text(_readme(used), encoding="utf-8")
    return losses


def _readme(splits: list[str]) -> str:
    """The header that maps folders to splits; without it the library guesses the split from file names."""
    lines = ["---", "configs:", "- config_name: default", "  data_files:"]
    for split in splits:
        lines += [f"  - split: {split}", f"    path: {split}/**"]
    return "\n".join([*lines, "---", ""])


def _metadata_files(path: Path) -> list[tuple[Path, str]]:
    """The metadata files, each with its split."""
    if path.name in METADATA and path.is_file():
        return [(path, "")]
    if not path.is_dir():
        return []
    folders = [(path, ""), *((path / name, split) for name, split in _OURS.items())]
    return [(f / name, split) for f, split in folders for name in METADATA if (f / name).is_file()]


def _names_files(file: Path) -> bool:
    if file.suffix == ".parquet" or not file.stat().st_size:
        return True
    try:
        _, row = next(_rows(file))
    except (FacelabelError, StopIteration):
        return False
    return "file_name" in row


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if path.suffix == ".jsonl":
        for number, item in read_json_items(path):
            if not isinstance(item, dict):
                refuse(path, "it is not an object", f"line {number}")
            yield f"line {number}", item
    elif path.suffix == ".parquet":
        yield from read_rows(path)
    else:
        yield from read_csv_records(path, ["file_name"])


def _read_row(
    path: Path, where: str, row: dict[str, Any], split: str, prefix: str, contents: SourceContents
) -> None:
    if "file_name" not in row:
        refuse(path, "it has no file_name", where)
    own = image_name(path, where, row["file_name"])
    name, place = prefix + own, path.parent / own
    contents.images.append(SourceImage(name, place if place.is_file() else None, split=split))
    for column, cell in row.items():
        if column == "file_name" or cell is None or cell == "":
            continue
        if not isinstance(cell, str | int | float):
            contents.refused.append((f"{where}: {name}", f"{str(column)[:60]!r} holds no single value"))
            continue
        attribute = plain_text(path, where, column, "a column")
        text = plain_text(path, where, cell, attribute)
        contents.answers.append(SourceAnswer(name, attribute, None if text == CANNOT_TELL_NAME else text))
