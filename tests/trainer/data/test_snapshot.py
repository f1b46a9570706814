"""Reading a snapshot: it is read exactly or refused with a clear error."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.drawn_snapshot import draw_face, write_snapshot
from trainer.data.snapshot import CANNOT_TELL, UNLABELLED, Snapshot
from trainer.runtime.errors import SnapshotError
from trainer.runtime.files import write_manifest

NAMES = ["a,b.png", 'c"d.png', "e\nf.png", "ä.png", "😀.png"]
ANSWERS = [{"hair": 5, "glasses": -1}, {"hair": 2}, {"hair": 6}, {}, {"not_human": 1}]


@pytest.fixture
def snapshot(tmp_path):
    folder = tmp_path / "snapshot"
    (folder / "images").mkdir(parents=True)
    random = np.random.default_rng(0)
    rows = []
    for name, answers in zip(NAMES, ANSWERS, strict=True):
        draw_face(folder / "images" / name, 0, 0, random)
        rows.append({"image_name": name, "group": f"image:{name}", "split": "train", **answers})
    return write_snapshot(folder, rows)


def reseal(folder: Path, **changes: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    del manifest["manifest_hash"]
    write_manifest(folder / "manifest.json", manifest | changes)


def test_codes_become_class_indices_and_unlabelled_differs_from_cannot_tell(snapshot):
    read = Snapshot.open(snapshot)
    assert read.image_names == NAMES
    assert read.labels["hair"].tolist() == [2, 1, 3, UNLABELLED, UNLABELLED]
    assert read.labels["glasses"].tolist() == [CANNOT_TELL] + [UNLABELLED] * 4
    assert "identity" not in read.labels


def test_a_retired_value_keeps_its_place_among_the_codes(snapshot):
    hair = next(a for a in Snapshot.open(snapshot).attributes if a.name == "hair")
    assert hair.codes == [0, 2, 5, 6]
    assert [value.status for value in hair.values] == ["active", "active", "active", "retired"]


def test_images_are_found_in_the_snapshot_or_in_another_folder(snapshot, tmp_path):
    assert Snapshot.open(snapshot).image_path(0) == snapshot / "images" / NAMES[0]
    assert Snapshot.open(snapshot, images_root=tmp_path).image_path(3) == tmp_path / NAMES[3]


@pytest.mark.parametrize("name", ["labels.csv", "images.csv", "attributes.csv", "manifest.json"])
def test_a_changed_byte_in_any_file_is_found(snapshot, name):
    content = bytearray((snapshot / name).read_bytes())
    content[len(content) // 2] ^= 1
    (snapshot / name).write_bytes(content)
    with pytest.raises(SnapshotError) as caught:
        Snapshot.open(snapshot)
    assert name in caught.value.what


def test_a_manifest_that_is_not_canonical_json_is_refused(snapshot):
    file = snapshot / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8"))), encoding="utf-8")
    with pytest.raises(SnapshotError, match="not canonical JSON"):
        Snapshot.open(snapshot)


def test_a_folder_without_a_manifest_is_refused(snapshot):
    (snapshot / "manifest.json").unlink()
    with pytest.raises(SnapshotError, match="not a complete"):
        Snapshot.open(snapshot)


@pytest.mark.parametrize("changes", [{"version": 2}, {"format": "facelabel-predictions"}])
def test_an_unknown_version_or_format_is_refused(snapshot, changes):
    reseal(snapshot, **changes)
    with pytest.raises(SnapshotError, match="not facelabel-snapshot version 1"):
        Snapshot.open(snapshot)


def test_a_snapshot_of_names_is_refused(snapshot):
    reseal(snapshot, cells="names")
    with pytest.raises(SnapshotError, match="without --names"):
        Snapshot.open(snapshot)


def test_a_manifest_with_a_missing_entry_is_refused(snapshot):
    reseal(snapshot, images={"mode": "none"})
    with pytest.raises(SnapshotError, match=r"does not follow FORMATS\.md"):
        Snapshot.open(snapshot)


def test_a_schema_that_does_not_fit_its_hash_is_refused(snapshot):
    manifest = json.loads((snapshot / "manifest.json").read_text(encoding="utf-8"))
    reseal(snapshot, schema=manifest["schema"] | {"hash": "0" * 64})
    with pytest.raises(SnapshotError, match="does not fit its hash"):
        Snapshot.open(snapshot)


def test_an_unknown_code_is_named_with_its_image(tmp_path):
    folder = tmp_path / "snapshot"
    (folder / "images").mkdir(parents=True)
    draw_face(folder / "images" / "a.png", 0, 0, np.random.default_rng(0))
    write_snapshot(folder, [{"image_name": "a.png", "group": "g", "split": "train", "hair": 1}])
    with pytest.raises(SnapshotError, match=r"a\.png has the code 1 for hair"):
        Snapshot.open(folder)


@pytest.mark.parametrize("file", ["../secret.png", "/etc/hostname"])
def test_a_file_outside_the_images_is_never_opened(snapshot, file):
    rows = [{"image_name": NAMES[0], "group": "g", "split": "train", "file": file}]
    write_snapshot(snapshot, rows)
    with pytest.raises(SnapshotError, match="outside the images"):
        Snapshot.open(snapshot).image_path(0)


def test_a_snapshot_without_categorical_attributes_can_be_read(snapshot):
    rows = [{"image_name": NAMES[0], "group": "g", "split": "train"}]
    write_snapshot(snapshot, rows, attributes={})
    assert Snapshot.open(snapshot).categorical == []
