"""Snapshots: equal labels give equal bytes, and every changed byte is found."""

import csv
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from annotator.domain.grouping.splits import SplitRule
from annotator.errors import FacelabelError
from annotator.formats.snapshot.csv_text import csv_text
from annotator.formats.snapshot.images import SnapshotImage
from annotator.formats.snapshot.writer import SnapshotOptions, verify_snapshot, write_snapshot
from annotator.models import AttributeRow, Project
from annotator.project import ProjectFolder
from annotator.services.exporting.snapshots import export_snapshot
from annotator.store.folder import FolderStore
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.snapshots import ANY_NAME, SCHEMA, in_batches, label_some


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes() for path in sorted(folder.glob("*.*")) if path.name != "manifest.json"
    }


def test_labels_csv_holds_what_was_answered(filled: ProjectFolder, tmp_path: Path):
    me = Person(filled)
    first, second = sorted(me.next(2), key=lambda task: task.image_name)
    me.answer(first, ALL | {"identity": "Ada"})
    me.answer(second, {"glasses": 1})
    export_snapshot(filled, tmp_path / "s", SnapshotOptions())
    lines = (tmp_path / "s" / "labels.csv").read_text().splitlines()
    assert lines[0] == "image_name,wrinkles,freckles,glasses,hair_color,hair_top,not_human,identity"
    assert f"{first.image_name},0,1,2,8,-1,0,0" in lines
    assert f"{second.image_name},,,1,,,," in lines
    assert len(lines) == 41
    assert lines[1:] == sorted(lines[1:])


def test_names_on_request(filled: ProjectFolder, tmp_path: Path):
    me = Person(filled)
    [task] = me.next()
    me.answer(task, ALL | {"identity": "Ada"})
    export_snapshot(filled, tmp_path / "s", SnapshotOptions(names=True))
    assert (
        f"{task.image_name},no,yes,sunglasses,not visible,can't tell,a face,Ada\n"
        in (tmp_path / "s" / "labels.csv").read_text()
    )


@pytest.mark.soak
def test_the_same_labels_give_the_same_bytes_in_another_zone_and_locale(
    filled: ProjectFolder, tmp_path: Path, soak: bool
):
    label_some(filled)
    export_snapshot(filled, tmp_path / "a", SnapshotOptions(), history=True)
    for number in range(20 if soak else 3):
        again, _ = export_snapshot(filled, tmp_path / f"again {number}", SnapshotOptions(), history=True)
        assert contents(again) == contents(tmp_path / "a")
    environment = os.environ | {"TZ": "Pacific/Chatham", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    command = [
        sys.executable,
        "-m",
        "annotator",
        "export",
        "-p",
        str(filled.path),
        "--to",
        str(tmp_path / "b"),
        "--history",
    ]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    hashes = [json.loads((tmp_path / name / "manifest.json").read_text())["content_hash"] for name in "ab"]
    assert hashes[0] == hashes[1]


def test_history_holds_every_answer_and_the_undo(filled: ProjectFolder, tmp_path: Path):
    me = Person(filled)
    [task] = me.next()
    me.answer(task, {"glasses": 1}, milliseconds=1200)
    me.undo()
    me.answer(task, {"glasses": 2})
    export_snapshot(filled, tmp_path / "s", SnapshotOptions(), history=True)
    assert (tmp_path / "s" / "annotations.csv").read_text().splitlines()[1:] == [
        f"{task.image_name},glasses,1,local,human,1200",
        f"{task.image_name},glasses,,local,undo,",
        f"{task.image_name},glasses,2,local,human,",
    ]


@pytest.mark.parametrize("mode", ["copy", "link"])
def test_image_files_of_a_snapshot_are_verified(filled: ProjectFolder, tmp_path: Path, mode: str):
    export_snapshot(filled, tmp_path / "s", SnapshotOptions(images=mode))
    verify_snapshot(tmp_path / "s")
    with (tmp_path / "s" / "images.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    image = tmp_path / "s" / "images" / row["file"]
    content = image.read_bytes()
    image.unlink()
    image.write_bytes(content[:-1] + b"x")
    with pytest.raises(FacelabelError, match=row["image_name"]):
        verify_snapshot(tmp_path / "s")


@pytest.mark.soak
def test_any_changed_byte_is_found(filled: ProjectFolder, tmp_path: Path, soak: bool):
    label_some(filled)
    folder, _ = export_snapshot(filled, tmp_path / "s", SnapshotOptions())
    chance = random.Random(0)
    files = sorted(folder.iterdir())
    for _ in range(500 if soak else 50):
        path = chance.choice(files)
        content = path.read_bytes()
        place = chance.randrange(len(content))
        changed = bytearray(content)
        changed[place] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        with pytest.raises(FacelabelError):
            verify_snapshot(folder)
        path.write_bytes(content)
    verify_snapshot(folder)


def test_a_snapshot_is_never_overwritten(filled: ProjectFolder, tmp_path: Path):
    export_snapshot(filled, tmp_path / "s", SnapshotOptions())
    before = contents(tmp_path / "s")
    label_some(filled)
    with pytest.raises(FacelabelError, match="exists already"):
        export_snapshot(filled, tmp_path / "s", SnapshotOptions())
    assert contents(tmp_path / "s") == before


def test_a_missing_manifest_and_an_additional_file_are_found(filled: ProjectFolder, tmp_path: Path):
    folder, _ = export_snapshot(filled, tmp_path / "s", SnapshotOptions())
    (folder / "extra.csv").write_text("x")
    with pytest.raises(FacelabelError, match=r"extra\.csv does not belong"):
        verify_snapshot(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(FacelabelError, match="not completed"):
        verify_snapshot(folder)


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2)))
def test_any_cell_is_read_back_equal(rows: list[list[str]]):
    text = csv_text(["a", "b"], rows)
    assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == [["a", "b"], *rows]


@given(
    st.dictionaries(
        ANY_NAME,
        st.dictionaries(st.sampled_from(["glasses", "wrinkles"]), st.sampled_from([0, 1, None])),
        max_size=6,
    )
)
def test_any_names_and_missing_labels_are_read_back_equal(
    tmp_path_factory: pytest.TempPathFactory, labels: dict[str, dict[str, int | None]]
):
    folder = tmp_path_factory.mktemp("any") / "s"
    images = [
        SnapshotImage(name, f"{i:064x}", "jpg", 9, 9, "train", f"image:{i}", "src", name, False, found)
        for i, (name, found) in enumerate(sorted(labels.items()))
    ]
    batches = in_batches(images, SCHEMA)
    write_snapshot(folder, SCHEMA, batches, SplitRule(), FolderStore(folder), SnapshotOptions())
    verify_snapshot(folder)
    codes = {"": "missing", "-1": None, "0": 0, "1": 1}
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        back = {
            row["image_name"]: {k: codes[v] for k, v in row.items() if k in {"glasses", "wrinkles"} and v}
            for row in csv.DictReader(file, strict=True)
        }
    assert back == labels


def test_the_card_shows_counts_splits_and_limits(filled: ProjectFolder, tmp_path: Path):
    label_some(filled)
    folder, manifest = export_snapshot(filled, tmp_path / "s", SnapshotOptions())
    text = (folder / "card.md").read_text()
    assert "40 images, 12 of them labelled" in text
    assert "No group stands in two splits." in text
    assert "28 images still lack an answer." in text
    assert "<script" not in (folder / "card.html").read_text()
    assert {"card.html", "card.md"} < manifest["files"].keys()


def test_the_card_shows_a_group_in_two_splits(tmp_path: Path):
    rows = [
        SnapshotImage(name, f"{i:064x}", "jpg", 9, 9, split, "identity:1", "<b>", name, False, {})
        for i, (name, split) in enumerate([("a", "train"), ("b", "test")])
    ]
    batches = in_batches(rows, SCHEMA)
    write_snapshot(tmp_path / "s", SCHEMA, batches, SplitRule(), FolderStore(tmp_path), SnapshotOptions())
    assert "Groups in more than one split, a LEAK: 1." in (tmp_path / "s" / "card.md").read_text()
    assert "<b>" not in (tmp_path / "s" / "card.html").read_text()


def test_the_card_is_not_part_of_the_content_hash(filled: ProjectFolder, tmp_path: Path):
    _, before = export_snapshot(filled, tmp_path / "a", SnapshotOptions())
    with filled.database.write() as session:
        session.execute(update(AttributeRow).values(guideline="Look twice."))
        session.execute(update(Project).values(schema_version=Project.schema_version + 1))
    _, after = export_snapshot(filled, tmp_path / "b", SnapshotOptions())
    assert before["files"]["card.md"] != after["files"]["card.md"]
    assert before["content_hash"] == after["content_hash"]
