"""facelabel diff reports the changed cells and images: old value, new value, and labeller."""

import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotator.domain.grouping.splits import SplitRule
from annotator.formats.snapshot.diff import diff_snapshots, write_changed_cells
from annotator.formats.snapshot.images import SnapshotImage
from annotator.formats.snapshot.writer import SnapshotOptions, write_snapshot
from annotator.project import ProjectFolder
from annotator.services.exporting.snapshots import export_snapshot
from annotator.store.folder import FolderStore
from tests.support.commands import call
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.snapshots import ANY_NAME, SCHEMA, in_batches
from tests.support.soak import FULL


def test_the_diff_names_changed_cells_and_who_changed_them(filled: ProjectFolder, tmp_path: Path):
    me = Person(filled)
    first, second = me.next(2)
    me.answer(first, ALL | {"glasses": 0})
    export_snapshot(filled, tmp_path / "a", SnapshotOptions())
    me.undo()
    me.answer(first, ALL | {"glasses": 1})
    me.answer(second, {"hair_top": None})
    export_snapshot(filled, tmp_path / "b", SnapshotOptions(), history=True)
    done = call("diff", tmp_path / "a", tmp_path / "b", "--csv", tmp_path / "cells.csv", "--json")
    done.assert_done()
    told = json.loads(done.out)
    assert told["cells"] == {
        "glasses": [{"from": "0", "to": "1", "cells": 1}],
        "hair_top": [{"from": "", "to": "-1", "cells": 1}],
    }
    assert told["images"]["unchanged"] == 38
    assert told["people"] == [{"labeller": "local", "origin": "human", "cells": 2}]
    with (tmp_path / "cells.csv").open(newline="") as file:
        rows = sorted(csv.reader(file))
    assert rows == sorted(
        [
            ["image_name", "attribute", "from", "to", "labeller", "origin"],
            [first.image_name, "glasses", "0", "1", "local", "human"],
            [second.image_name, "hair_top", "", "-1", "local", "human"],
        ]
    )
    summary = call("diff", tmp_path / "a", tmp_path / "b")
    assert "none → glasses" in summary.out
    assert "not labelled → can't tell" in summary.out
    assert "by local (human): 2 cells" in summary.out


def test_the_same_labels_do_not_differ(filled: ProjectFolder, tmp_path: Path):
    for name in "ab":
        export_snapshot(filled, tmp_path / name, SnapshotOptions())
    assert "No differences: 40 images" in call("diff", tmp_path / "a", tmp_path / "b").out


def test_names_and_codes_are_not_compared_and_an_incomplete_snapshot_is_refused(
    filled: ProjectFolder, tmp_path: Path
):
    export_snapshot(filled, tmp_path / "a", SnapshotOptions())
    export_snapshot(filled, tmp_path / "b", SnapshotOptions(names=True))
    call("diff", tmp_path / "a", tmp_path / "b").assert_refused(1, "cannot be compared")
    (tmp_path / "b" / "manifest.json").unlink()
    call("diff", tmp_path / "a", tmp_path / "b", "--csv", tmp_path / "c.csv").assert_refused(
        1, "not completed"
    )
    assert not (tmp_path / "c.csv").exists()


LABELS = st.dictionaries(st.sampled_from(["glasses", "wrinkles"]), st.sampled_from([0, 1, None]), max_size=2)


@given(
    old=st.dictionaries(ANY_NAME, LABELS, max_size=5),
    new=st.dictionaries(ANY_NAME, LABELS, max_size=5),
    data=st.data(),
)
@settings(max_examples=100 if FULL else 30)
def test_the_diff_agrees_with_a_comparison_in_memory(
    tmp_path_factory: pytest.TempPathFactory,
    old: dict[str, dict[str, int | None]],
    new: dict[str, dict[str, int | None]],
    data: st.DataObject,
):
    new |= {name: data.draw(LABELS) for name in data.draw(st.sets(st.sampled_from(sorted(old) or ["x"])))}
    folder = tmp_path_factory.mktemp("diff")
    for place, labels in (("a", old), ("b", new)):
        images = [image(name, found) for name, found in sorted(labels.items())]
        write(folder / place, images)
    cells: list[str] = []
    diff = write_changed_cells(folder / "a", folder / "b", cells.append)
    expected = {
        (name, attribute): (text(old[name], attribute), text(new[name], attribute))
        for name in old.keys() & new.keys()
        for attribute in ("glasses", "wrinkles")
        if text(old[name], attribute) != text(new[name], attribute)
    }
    found = {(row[0], row[1]): (row[2], row[3]) for row in list(csv.reader(cells, strict=True))[1:]}
    assert found == expected
    assert diff.added.count == len(new.keys() - old.keys())
    assert diff.removed.count == len(old.keys() - new.keys())
    assert diff.same == (old == new)


def text(labels: dict[str, int | None], attribute: str) -> str:
    if attribute not in labels:
        return ""
    return "-1" if labels[attribute] is None else str(labels[attribute])


def write(folder: Path, images: list[SnapshotImage]) -> None:
    write_snapshot(
        folder, SCHEMA, in_batches(images, SCHEMA), SplitRule(), FolderStore(folder.parent), SnapshotOptions()
    )


def image(name: str, labels: dict[str, int | None]) -> SnapshotImage:
    sha256 = name.encode().hex()[-64:].rjust(64, "0")
    return SnapshotImage(name, sha256, "jpg", 9, 9, "train", f"image:{sha256}", "s", name, False, labels)


def test_renamed_replaced_and_moved_images_are_reported(tmp_path: Path):
    same, renamed, replaced, moved = (image(name, {"glasses": 0}) for name in "abcd")
    write(tmp_path / "a", [same, renamed, replaced, moved])
    after = [
        same,
        replace(replaced, sha256="e" * 64),
        replace(moved, group="identity:1", split="test"),
        replace(renamed, name="z", labels={"glasses": 1}),
    ]
    write(tmp_path / "b", after)
    diff = diff_snapshots(tmp_path / "a", tmp_path / "b")
    assert diff.unchanged == 1
    assert diff.renamed.first == ["b → z"]
    assert diff.replaced.first == ["c"]
    assert diff.regrouped.first == ["d"]
    assert diff.splits == Counter({("train", "test"): 1})
    assert diff.cells["glasses"] == Counter({("0", "1"): 1})
    assert (diff.added.count, diff.removed.count) == (0, 0)
