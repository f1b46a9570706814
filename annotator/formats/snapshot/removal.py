"""Removing erased images and names from the snapshot and the predictions of a round, which are written anew.

Snapshots that people made are never edited. The folders of a round are the project's own, so they are replaced by folders
without the erased rows: at once, so that a reader sees the old folder or the new one.
"""

from __future__ import annotations

import csv
import mmap
import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from annotator.domain.schema import canonical_json
from annotator.files import UNFINISHED, exchange_folders, staged_folder, sync_tree, write_atomically
from annotator.formats.snapshot.csv_text import csv_line
from annotator.formats.snapshot.hashed_file import HashedFile
from annotator.formats.snapshot.manifest import hash_manifest, read_manifest, sha256_of
from annotator.formats.snapshot.writer import content_hash

_BATCH_ROWS = 65_536
_FEW = 64
"""So many hashes are searched one by one in a file, which is faster than reading its rows."""


@dataclass(frozen=True)
class Erased:
    """What a folder shall no longer hold.

    Args:
        sha256: of the erased images.
        people: the new names of people whose names were erased, by attribute and code.
    """

    sha256: frozenset[str] = frozenset()
    people: Mapping[tuple[str, int], str] = field(default_factory=dict)


def holds(folder: Path, erased: Erased) -> bool:
    """Return whether a snapshot has the row of an erased image, or the old name of a person."""
    if _any_hash(folder / "images.csv", erased.sha256):
        return True
    return bool(erased.people) and any(_has_old_name(row, erased) for row in _rows(folder / "attributes.csv"))


def remove_from_snapshot(folder: Path, erased: Erased) -> int | None:
    """Write a round's snapshot anew without erased images and names; return the number of rows of images that went.

    Returns None if the snapshot holds nothing of it. It then stays as it is.

    Raises:
        FacelabelError: if the snapshot is damaged.
        OSError: if the new one cannot be written.
    """
    manifest = read_manifest(folder, "facelabel-snapshot")
    if not holds(folder, erased):
        remove_rest(folder)
        return None
    gone = {row[0]: row for row in _rows(folder / "images.csv") if row[1] in erased.sha256}
    counts = _Counts(manifest)
    with replaced_folder(folder) as new:
        files = {}
        for name in manifest["files"]:
            if name == "attributes.csv":
                files[name] = _copy_rows(folder / name, new / name, lambda row: [_with_new_name(row, erased)])
            elif name.endswith(".csv"):
                count = counts.count_images if name == "images.csv" else None
                count = counts.count_labels if name == "labels.csv" else count
                files[name] = _copy_rows(folder / name, new / name, _without(gone, count))
            # The card and other descriptions are for snapshots that people made.
        left = {key: value for key, value in manifest.items() if key != "manifest_hash"}
        left |= {"files": files, "content_hash": content_hash(files), "counts": counts.left()}
        _write_manifest(new, left)
    return len(gone)


def remove_from_predictions(folder: Path, erased: Erased, snapshot: str | None = None) -> int:
    """Write predictions anew without erased images; return the number of rows that went.

    Args:
        folder: the predictions.
        erased: the images.
        snapshot: the content hash of their snapshot as it is now; None if it has not changed.

    Raises:
        FacelabelError: if the predictions are damaged.
        OSError: if the new ones cannot be written.
    """
    manifest = read_manifest(folder, "facelabel-predictions")
    before, file = manifest["snapshot"]["content_hash"], folder / "predictions.arrow"
    if not _any_hash(file, erased.sha256) and snapshot in {None, before}:
        remove_rest(folder)
        return 0
    with pa.memory_map(str(file)) as mapped:
        table = _without_rows(pa.ipc.open_file(mapped).read_all(), erased)
        changes = {"snapshot": manifest["snapshot"] | {"content_hash": snapshot or before}}
        with replaced_folder(folder) as new:
            seal_predictions(new, table, manifest | changes)
    return int(manifest["rows"] - table.num_rows)


def _without_rows(table: pa.Table, erased: Erased) -> pa.Table:
    """The table without the rows of erased images; the order of work has the new numbers of the other rows."""
    kept = pc.invert(pc.is_in(table["sha256"], value_set=pa.array(sorted(erased.sha256), pa.string())))
    is_kept = kept.to_numpy()
    number = is_kept.cumsum() - 1
    order = [int(number[row]) for row in table["order"].drop_null().to_pylist() if is_kept[row]]
    rest = table.filter(kept).combine_chunks()
    order += [None] * (rest.num_rows - len(order))  # type: ignore[list-item]
    return rest.set_column(rest.schema.get_field_index("order"), "order", pa.array(order, pa.int32()))


class _Counts:
    """The counts of a manifest, from which those of erased images are taken."""

    def __init__(self, manifest: dict[str, Any]) -> None:
        self._before = manifest["counts"]
        self._attributes = manifest["schema"]["attributes"]
        self._gone: Counter[str] = Counter()
        self._splits: Counter[str] = Counter()
        self._cells: Counter[tuple[str, str]] = Counter()
        self._groups: set[str] = set()

    def count_images(self, row: list[str], is_gone: bool) -> None:
        """Count a row of images.csv."""
        if is_gone:
            self._gone["images"] += 1
            self._splits[row[4]] += 1
        else:
            self._groups.add(row[5])

    def count_labels(self, row: list[str], is_gone: bool) -> None:
        """Count a row of labels.csv, whose columns are the name and the attributes of the manifest."""
        if not is_gone:
            return
        cells = {attribute["name"]: cell for attribute, cell in zip(self._attributes, row[1:], strict=True)}
        self._cells.update((name, cell) for name, cell in cells.items() if cell)
        required = [cells[a["name"]] for a in self._attributes if a["required"]]
        ends = any(
            cells[a["name"]] == str(value["code"])
            for a in self._attributes
            for value in a["values"]
            if value["ends"]
        )
        self._gone["labelled"] += ends or all(required)

    def left(self) -> dict[str, Any]:
        """The counts without the erased images."""
        attributes = {
            name: {
                code: n - self._cells[name, code] for code, n in codes.items() if n > self._cells[name, code]
            }
            for name, codes in self._before["attributes"].items()
        }
        splits = {
            split: n - self._splits[split]
            for split, n in self._before["splits"].items()
            if n > self._splits[split]
        }
        numbers = {name: self._before[name] - self._gone[name] for name in ("images", "labelled")}
        left: dict[str, Any] = {**self._before, **numbers, "attributes": attributes, "splits": splits}
        return left | {"groups": len(self._groups)}


def _without(gone: Collection[str], count: Any) -> Any:
    """A function that leaves out the rows of erased images, and has every row counted."""

    def rest(row: list[str]) -> list[list[str]]:
        if count is not None:
            count(row, row[0] in gone)
        return [] if row[0] in gone else [row]

    return rest


def _copy_rows(old: Path, new: Path, rest: Any) -> dict[str, Any]:
    """Write what `rest` leaves of every row; return the manifest's entry of the new file."""
    with HashedFile(new) as file, old.open(encoding="utf-8", newline="") as text:
        reader = csv.reader(text)
        file.write(csv_line(next(reader)))
        for row in reader:
            for left in rest(row):
                file.write(csv_line(left))
    return file.entry()


def _rows(file: Path) -> Iterator[list[str]]:
    with file.open(encoding="utf-8", newline="") as text:
        reader = csv.reader(text)
        next(reader)
        yield from reader


def _has_old_name(row: list[str], erased: Erased) -> bool:
    return row != _with_new_name(row, erased)


def _with_new_name(row: list[str], erased: Erased) -> list[str]:
    attribute, code, name, status = row
    return [attribute, code, erased.people.get((attribute, int(code)), name), status]


def _any_hash(file: Path, sha256: Collection[str]) -> bool:
    if not sha256 or not file.is_file() or file.stat().st_size == 0:
        return False
    if len(sha256) > _FEW and file.suffix == ".csv":
        return any(row[1] in sha256 for row in _rows(file))
    if len(sha256) > _FEW:
        return True  # it is read anyway
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(one.encode()) >= 0 for one in sha256)


def seal_predictions(folder: Path, table: pa.Table, manifest: dict[str, Any]) -> None:
    """Write rows of predictions and their manifest, which gets their number and hash.

    Args:
        folder: the new folder.
        table: the rows.
        manifest: the other entries.
    """
    file = folder / "predictions.arrow"
    with pa.ipc.new_file(str(file), table.schema) as writer:
        writer.write_table(table, max_chunksize=_BATCH_ROWS)
    entry = {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
    left = {key: value for key, value in manifest.items() if key != "manifest_hash"}
    left |= {"rows": table.num_rows, "files": manifest["files"] | {file.name: entry}}
    _write_manifest(folder, left)


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """A folder to write, which takes the place and the name of `folder` at once; the old one is removed."""
    remove_rest(folder)
    new = _rest(folder)
    with staged_folder(new) as unfinished:
        yield unfinished
        sync_tree(unfinished)
    exchange_folders(new, folder)
    shutil.rmtree(new)


def _rest(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.rest")


def remove_rest(folder: Path) -> None:
    """Remove what a killed `replaced_folder` left beside the folder: the unfinished new one, or the old one.

    Raises:
        OSError: if it cannot be removed.
    """
    new = _rest(folder)
    for leftover in (new, new.with_name(f".{new.name}{UNFINISHED}")):
        if leftover.exists():
            shutil.rmtree(leftover)


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    sealed = manifest | {"manifest_hash": hash_manifest(manifest)}
    write_atomically(folder / "manifest.json", canonical_json(sealed).encode())
