"""Comparing two snapshots: a merge of two sorted folders with a few rows in memory."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from annotator.domain.schema import CANNOT_TELL, CANNOT_TELL_NAME
from annotator.domain.states import Origin
from annotator.errors import FacelabelError
from annotator.formats.snapshot.csv_text import csv_line
from annotator.formats.snapshot.filled.cells import FilledByImage, read_filled_cells
from annotator.formats.snapshot.manifest import read_manifest, verify_files

NAMED = 20
"""The number of images of each kind that are named; all are counted."""

MODEL = "model"
"""The origin of a cell that a model filled."""

CELL_COLUMNS = ("image_name", "attribute", "from", "to", "labeller", "origin")


class ChangedCell(NamedTuple):
    """A cell that differs; "" is "not labelled". Labeller and origin are "" unless B holds the history or its model filled it.

    The values of a cell that was filled in one snapshot and answered in the other may be the same.
    """

    image_name: str
    attribute: str
    before: str
    after: str
    labeller: str
    origin: str


@dataclass
class Named:
    """A number of images, and the first names."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Count an image."""
        self.count += 1
        if len(self.first) < NAMED:
            self.first.append(name)


@dataclass
class SnapshotDiff:
    """The differences from snapshot A to snapshot B."""

    schema: list[str]
    """A clause for each difference of the schemas."""
    names: dict[str, dict[str, str]]
    """By attribute, the names of the values by the text of a cell."""
    unchanged: int = 0
    """Images without a change."""
    added: Named = field(default_factory=Named)
    removed: Named = field(default_factory=Named)
    renamed: Named = field(default_factory=Named)
    """The same bytes under another name, as `old → new`."""
    replaced: Named = field(default_factory=Named)
    """Other bytes under the same name."""
    regrouped: Named = field(default_factory=Named)
    """Images in another group."""
    splits: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Images whose split changed, by (from, to)."""
    cells: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    """By attribute, changed cells by (from, to)."""
    people: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Changed cells by (labeller, origin), if B holds the history."""
    filled: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    """By attribute, the cells that a model filled in A or B and that differ, by (from, to): `open`, `answered` or `filled`.

    A cell with the same value that was filled in one and answered in the other differs too, but is not in `cells`.
    """

    @property
    def changed_cells(self) -> int:
        """The number of all changed cells."""
        return sum(counts.total() for counts in self.cells.values())

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        images = (self.added, self.removed, self.renamed, self.replaced, self.regrouped)
        changed = self.schema or self.splits or self.changed_cells or any(self.filled.values())
        return not (changed or any(kind.count for kind in images))

    def as_dict(self) -> dict[str, Any]:
        """Return the differences as plain values, for --json and the API."""
        named = ("added", "removed", "renamed", "replaced", "regrouped")
        return {
            "same": self.same,
            "schema_changes": self.schema,
            "names": self.names,
            "images": {
                "unchanged": self.unchanged,
                **{n: {"count": getattr(self, n).count, "first": getattr(self, n).first} for n in named},
            },
            "splits": [{"from": a, "to": b, "images": n} for (a, b), n in sorted(self.splits.items())],
            "changed_cells": self.changed_cells,
            "cells": {
                name: [{"from": a, "to": b, "cells": n} for (a, b), n in sorted(counts.items())]
                for name, counts in self.cells.items()
                if counts
            },
            "people": [
                {"labeller": who, "origin": how, "cells": n} for (who, how), n in sorted(self.people.items())
            ],
            "filled": {
                name: [{"from": a, "to": b, "cells": n} for (a, b), n in sorted(counts.items())]
                for name, counts in self.filled.items()
                if counts
            },
        }


def diff_snapshots(a: Path, b: Path, on_cell: Callable[[ChangedCell], object] | None = None) -> SnapshotDiff:
    """Compare two snapshots.

    Args:
        a: the older one.
        b: the newer one; its annotations.csv, if it has one, tells who changed each cell.
        on_cell: called with every changed cell in the order of the image names; cells of renamed images come last.

    Raises:
        FacelabelError: if a snapshot has no valid manifest or is damaged, or one holds names and the other codes.
    """
    old, new = read_manifest(a, "facelabel-snapshot"), read_manifest(b, "facelabel-snapshot")
    if old["cells"] != new["cells"]:
        raise FacelabelError(
            "other_cells",
            f"{a} holds {old['cells']} and {b} holds {new['cells']}: their cells cannot be compared.",
            do="Compare two snapshots that were both written with --names, or both without.",
        )
    try:
        with ExitStack() as files:
            return _Comparison(_Side(a, old, files), _Side(b, new, files), old, new, on_cell).run()
    except (FileNotFoundError, ValueError, LookupError, StopIteration, csv.Error) as error:
        for folder, manifest in ((a, old), (b, new)):
            verify_files(folder, manifest)
        raise _damaged(a, b, error) from error


def _damaged(a: Path, b: Path, error: Exception) -> FacelabelError:
    """The error for snapshots whose files are as their manifests say, and yet do not fit together."""
    return FacelabelError(
        "bad_snapshot", f"{a} and {b} cannot be compared: {error}.", do="Write them again from the project."
    )


def write_changed_cells(a: Path, b: Path, write: Callable[[str], object]) -> SnapshotDiff:
    """Compare two snapshots and write a CSV of the changed cells.

    Raises:
        FacelabelError: as `diff_snapshots`.
    """
    write(csv_line(CELL_COLUMNS))
    return diff_snapshots(a, b, lambda cell: write(csv_line(cell)))


class _Image(NamedTuple):
    """An image with its unparsed lines of labels.csv and images.csv, and the attributes whose values a model filled."""

    name: str
    labels: str
    image: str
    filled: frozenset[str]


class _Side:
    """One of the two snapshots, which is read image by image."""

    def __init__(self, folder: Path, manifest: dict[str, Any], files: ExitStack) -> None:
        self.folder = folder
        self._filled = FilledByImage(read_filled_cells(folder, manifest))
        opened = [
            files.enter_context((folder / name).open(encoding="utf-8", newline=""))
            for name in ("labels.csv", "images.csv")
        ]
        self._labels, self._images = map(_records, opened)
        self.columns = _fields(next(self._labels))[1:]
        self._image_columns = _fields(next(self._images))

    def images(self) -> Iterator[_Image]:
        for labels, image in zip(self._labels, self._images, strict=True):
            name = _fields(labels)[0] if labels[0] == '"' else labels[: labels.index(",")]
            yield _Image(name, labels, image, self._filled.attributes(name))

    def labels_of(self, image: _Image) -> dict[str, str]:
        return dict(zip(self.columns, _fields(image.labels)[1:], strict=True))

    def about(self, image: _Image) -> dict[str, str]:
        return dict(zip(self._image_columns, _fields(image.image), strict=True))


class _Comparison:
    def __init__(
        self,
        a: _Side,
        b: _Side,
        old: dict[str, Any],
        new: dict[str, Any],
        on_cell: Callable[[ChangedCell], object] | None,
    ) -> None:
        self.a, self.b, self.on_cell = a, b, on_cell
        self.same_columns = a.columns == b.columns
        self.shared = [column for column in a.columns if column in b.columns]
        self.diff = SnapshotDiff(
            _schema_changes(old["schema"], new["schema"]), _names(old["schema"], new["schema"])
        )
        self.diff.cells = {column: Counter() for column in self.shared}
        self.diff.filled = {column: Counter() for column in self.shared}
        self.has_history = "annotations.csv" in new["files"]
        self.removed: dict[str, _Image] = {}
        self.added: dict[str, _Image] = {}

    def run(self) -> SnapshotDiff:
        with ExitStack() as files:
            self.history = _History(self.b.folder, files) if self.has_history else None
            self._merge()
        with ExitStack() as files:
            # Renamed images come in another order, so that the history is read a second time.
            self.history = _History(self.b.folder, files) if self.has_history else None
            self._match_renamed()
        for image in self.removed.values():
            self.diff.removed.add(image.name)
        for image in self.added.values():
            self.diff.added.add(image.name)
        return self.diff

    def _merge(self) -> None:
        older, newer = self.a.images(), self.b.images()
        old, new = next(older, None), next(newer, None)
        while old is not None or new is not None:
            if new is None or (old is not None and old.name < new.name):
                assert old is not None
                self.removed[self.a.about(old)["sha256"]] = old
                old = next(older, None)
            elif old is None or new.name < old.name:
                self.added[self.b.about(new)["sha256"]] = new
                new = next(newer, None)
            else:
                if self.same_columns and old == new:
                    self.diff.unchanged += 1
                else:
                    self._compare(old, new)
                old, new = next(older, None), next(newer, None)

    def _match_renamed(self) -> None:
        pairs = [
            (self.removed.pop(key), self.added.pop(key)) for key in self.removed.keys() & self.added.keys()
        ]
        for old, new in sorted(pairs, key=lambda pair: pair[1].name):
            self.diff.renamed.add(f"{old.name} → {new.name}")
            self._compare(old, new)

    def _compare(self, old: _Image, new: _Image) -> None:
        changed = False
        if old.image != new.image:
            before, after = self.a.about(old), self.b.about(new)
            if before["sha256"] != after["sha256"]:
                self.diff.replaced.add(new.name)
            if before["split"] != after["split"]:
                self.diff.splits[before["split"], after["split"]] += 1
            if before["group"] != after["group"]:
                self.diff.regrouped.add(new.name)
            changed = True
        if old.labels != new.labels or old.filled != new.filled:
            changed = self._compare_cells(old, new) or changed
        self.diff.unchanged += not changed

    def _compare_cells(self, old: _Image, new: _Image) -> bool:
        """Record the cells that differ; return whether there are any."""
        before, after = self.a.labels_of(old), self.b.labels_of(new)
        differing = [
            column
            for column in self.shared
            if before[column] != after[column] or (column in old.filled) != (column in new.filled)
        ]
        authors = self.history.authors(new.name) if self.history and differing else {}
        for column in differing:
            is_filled = column in new.filled
            author = ("", MODEL) if is_filled else authors.get(column, ("", ""))
            cell = ChangedCell(new.name, column, before[column], after[column], *author)
            if is_filled or column in old.filled:
                self.diff.filled[column][
                    _state(cell.before, column in old.filled), _state(cell.after, is_filled)
                ] += 1
            self._changed(cell)
        return bool(differing)

    def _changed(self, cell: ChangedCell) -> None:
        if cell.before != cell.after:
            self.diff.cells[cell.attribute][cell.before, cell.after] += 1
        if self.has_history:
            self.diff.people[cell.labeller, cell.origin] += 1
        if self.on_cell:
            self.on_cell(cell)


def _state(cell: str, is_filled: bool) -> str:
    if is_filled:
        return "filled"
    return "answered" if cell else "open"


class _History:
    """annotations.csv, which is read in step with the images."""

    def __init__(self, folder: Path, files: ExitStack) -> None:
        opened = files.enter_context((folder / "annotations.csv").open(encoding="utf-8", newline=""))
        self._rows = csv.reader(opened, strict=True)
        next(self._rows)
        self._row = next(self._rows, None)

    def authors(self, image_name: str) -> dict[str, tuple[str, str]]:
        """Return the labeller and origin of the last answer by attribute; calls must be in the order of the names."""
        authors: dict[str, tuple[str, str]] = {}
        while self._row is not None and self._row[0] <= image_name:
            name, attribute, _, labeller, origin, _ = self._row
            if name == image_name and origin != Origin.OPINION:
                authors[attribute] = labeller, origin
            self._row = next(self._rows, None)
        return authors


def _records(lines: Iterator[str]) -> Iterator[str]:
    """The unparsed records of a CSV; a quoted field may hold line ends."""
    for line in lines:
        record = line
        while '"' in record and record.count('"') % 2:
            record += next(lines)
        yield record


def _fields(record: str) -> list[str]:
    return next(csv.reader([record], strict=True))


def _schema_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    before = {attribute["name"]: attribute for attribute in old["attributes"]}
    after = {attribute["name"]: attribute for attribute in new["attributes"]}
    changes = [f"{name} was removed" for name in before if name not in after]
    changes += [f"{name} was added" for name in after if name not in before]
    shared = [name for name in after if name in before]
    if [name for name in before if name in after] != shared:
        changes.append("the attributes are in another order")
    for name in shared:
        changes += _value_changes(name, before[name]["values"], after[name]["values"])
    return changes


def _value_changes(attribute: str, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[str]:
    before, after = ({value["code"]: value for value in values} for values in (old, new))
    changes = [f"{attribute}: {c} {v['name']!r} was removed" for c, v in before.items() if c not in after]
    for code, value in after.items():
        old_value = before.get(code)
        if old_value is None:
            changes.append(f"{attribute}: {code} {value['name']!r} was added")
        elif old_value["name"] != value["name"]:
            changes.append(f"{attribute}: {code} {old_value['name']!r} is now called {value['name']!r}")
        elif old_value.get("replaced_by") != value.get("replaced_by"):
            into = " and ".join(f"{c} {after[c]['name']!r}" for c in value.get("replaced_by", []))
            changes.append(f"{attribute}: {code} {value['name']!r} was replaced by {into or 'nothing'}")
        elif old_value["status"] != value["status"]:
            changes.append(f"{attribute}: {code} {value['name']!r} is now {value['status']}")
    return changes


def _names(*schemas: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The values' names by attribute and text of a cell; the last schema counts."""
    names: dict[str, dict[str, str]] = {}
    for schema in schemas:
        for attribute in schema["attributes"]:
            of_attribute = names.setdefault(
                attribute["name"], {"": "not labelled", str(CANNOT_TELL): CANNOT_TELL_NAME}
            )
            of_attribute.update({str(value["code"]): value["name"] for value in attribute["values"]})
    return names
