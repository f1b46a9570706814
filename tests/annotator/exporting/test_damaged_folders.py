"""Damaged snapshots and predictions, and predictions of another schema, are refused, and the project stays unchanged."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from annotator.domain.schema import canonical_json
from annotator.errors import FacelabelError
from annotator.formats.snapshot.manifest import hash_manifest, sha256_of
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.formats.snapshot.writer import verify_snapshot
from annotator.models import Image, Predictions
from annotator.project import ProjectFolder
from annotator.services.predictions.active import active_predictions
from annotator.services.rounds.loading import load_predictions
from annotator.services.schema.active import active_schema
from tests.support.commands import call, contents, files, run
from tests.support.predictions_folder import UNCERTAIN, write_predictions
from tests.support.projects.images import names_of
from tests.support.serving import Server


@pytest.fixture
def snapshot(filled: ProjectFolder, faces: Path, tmp_path: Path) -> Path:
    call("import", faces / "answers.csv", "-p", filled.path).assert_done()
    made = tmp_path / "snapshot"
    call("export", "--to", made, "--history", "--images", "copy", "-p", filled.path).assert_done()
    return made


def change_byte(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x01
    path.write_bytes(content)


def test_a_changed_byte_anywhere_in_a_snapshot_is_found(snapshot: Path) -> None:
    verify_snapshot(snapshot)
    images = sorted(path for path in (snapshot / "images").rglob("*") if path.is_file())
    for path in (*sorted(snapshot.glob("*.*")), images[0], images[-1]):
        size = path.stat().st_size
        for position in {0, 1, size // 3, size // 2, size - 2, size - 1, *range(0, size, size // 12)}:
            change_byte(path, position)
            with pytest.raises(FacelabelError) as caught:
                verify_snapshot(snapshot)
            if path.name != "manifest.json":  # a changed manifest is told by what no longer fits in it
                assert path.name in str(caught.value)
            change_byte(path, position)
    verify_snapshot(snapshot)


def test_the_command_names_the_changed_file(snapshot: Path) -> None:
    call("verify", snapshot).assert_done()
    change_byte(snapshot / "labels.csv", 40)
    before = files(snapshot)
    run("verify", snapshot).assert_refused(
        1, "labels.csv was changed", "Nothing was changed.", "Write it again"
    )
    assert files(snapshot) == before
    told = json.loads(call("verify", snapshot, "--json").out)["error"]
    assert told["code"] == "damaged_folder"


def remove_labels(snapshot: Path) -> None:
    (snapshot / "labels.csv").unlink()


def remove_manifest(snapshot: Path) -> None:
    (snapshot / "manifest.json").unlink()


def cut_manifest(snapshot: Path) -> None:
    text = (snapshot / "manifest.json").read_text()
    (snapshot / "manifest.json").write_text(text[: len(text) // 2])


def nest_manifest(snapshot: Path) -> None:
    (snapshot / "manifest.json").write_text("[" * 100_000)


def add_a_file(snapshot: Path) -> None:
    (snapshot / "more.csv").write_text("image_name\n")


def rewrite_as_version_2(snapshot: Path) -> None:
    rewrite_manifest(snapshot, version=2)


def leave_out_the_files(snapshot: Path) -> None:
    manifest = json.loads((snapshot / "manifest.json").read_text())
    del manifest["files"]
    write_manifest(snapshot, manifest)


DAMAGES = {
    remove_labels: "labels.csv is missing",
    remove_manifest: "has no manifest.json",
    cut_manifest: "manifest.json cannot be read",
    nest_manifest: "manifest.json cannot be read",
    add_a_file: "more.csv does not belong to it",
    rewrite_as_version_2: "version 2",
    leave_out_the_files: "files",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_snapshot_is_refused(snapshot: Path, damage: Callable[[Path], None]) -> None:
    damage(snapshot)
    call("verify", snapshot).assert_refused(1, str(snapshot), DAMAGES[damage])


def test_a_snapshot_is_never_overwritten(snapshot: Path, filled: ProjectFolder) -> None:
    before = files(snapshot), contents(filled.path)
    call("export", "--to", snapshot, "-p", filled.path).assert_refused(
        1, "exists already", "Name another folder"
    )
    assert (files(snapshot), contents(filled.path)) == before


def test_a_snapshot_cannot_be_written_below_a_file(filled: ProjectFolder, faces: Path) -> None:
    before = contents(filled.path)
    call("export", "--to", faces / "answers.csv" / "x", "-p", filled.path).assert_refused(
        1, "could not be written"
    )
    assert contents(filled.path) == before


def write_manifest(folder: Path, manifest: dict) -> None:
    rest = {key: value for key, value in manifest.items() if key != "manifest_hash"}
    text = canonical_json(rest | {"manifest_hash": hash_manifest(rest)})
    (folder / "manifest.json").write_text(text, encoding="utf-8")


def rewrite_manifest(folder: Path, **changes: object) -> None:
    write_manifest(folder, json.loads((folder / "manifest.json").read_text()) | changes)


@pytest.fixture
def predictions(filled: ProjectFolder) -> Path:
    """Predictions for one attribute of all forty images."""
    probabilities = {f"{number:04d}.jpg": [0.5, 0.25, 0.25] for number in range(1, 41)}
    return write_predictions(filled, filled.rounds / "0001" / "predictions", probabilities)


def test_predictions_of_a_third_program_are_loaded(filled: ProjectFolder, predictions: Path) -> None:
    report = load_predictions(filled, predictions)
    assert (report.rows, report.unknown) == (40, 0)
    once = contents(filled.path)
    load_predictions(filled, predictions)
    assert contents(filled.path) == once, "loading again changed something"


def test_two_rounds_may_predict_the_same_bytes(filled: ProjectFolder, predictions: Path) -> None:
    """Two rounds of the same labels in one second did so, and the second one got no predictions."""
    load_predictions(filled, predictions)
    same = filled.rounds / "0002" / "predictions"
    shutil.copytree(predictions, same)
    load_predictions(filled, same)
    with filled.database.read() as session:
        schema_hash = active_schema(session).hash
        in_use = active_predictions(filled, session, schema_hash)
        assert session.scalars(select(Predictions.path).order_by(Predictions.id)).all() == [
            "rounds/0001/predictions",
            "rounds/0002/predictions",
        ]
    assert in_use is not None
    assert in_use.file.folder == same


def test_predictions_for_another_schema_are_refused(filled: ProjectFolder, predictions: Path) -> None:
    load_predictions(filled, predictions)
    other = filled.rounds / "0002"
    shutil.copytree(predictions, other)
    schema = json.loads((other / "manifest.json").read_text())["schema"]
    rewrite_manifest(other, schema=schema | {"hash": "f" * 64})
    before = contents(filled.path)
    with pytest.raises(FacelabelError, match="made for another schema") as caught:
        load_predictions(filled, other)
    assert "stay active" in caught.value.kept
    assert "facelabel round" in caught.value.do
    assert contents(filled.path) == before


def test_damaged_predictions_are_refused(filled: ProjectFolder, predictions: Path) -> None:
    before = contents(filled.path)
    for path in (predictions / "predictions.arrow", predictions / "manifest.json"):
        size = path.stat().st_size
        for position in (0, size // 2, size - 1):
            change_byte(path, position)
            with pytest.raises(FacelabelError, match=path.name):
                load_predictions(filled, predictions)
            change_byte(path, position)
    assert contents(filled.path) == before


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rows": 41}, "another number of rows"),
        ({"version": 2}, "version 2"),
        ({"format": "facelabel-snapshot"}, "is not that of a facelabel-predictions folder"),
        ({"schema": {"attributes": [{"codes": [0, 1], "name": "wrinkles"}]}}, "wrinkles is missing"),
    ],
)
def test_predictions_that_differ_from_their_manifest_are_refused(
    filled: ProjectFolder, predictions: Path, changes: dict, reason: str
) -> None:
    rewrite_manifest(predictions, **changes)
    before = contents(filled.path)
    with pytest.raises(FacelabelError, match=reason):
        load_predictions(filled, predictions)
    assert contents(filled.path) == before


def test_an_arrow_file_of_garbage_is_refused(filled: ProjectFolder, predictions: Path) -> None:
    file = predictions / "predictions.arrow"
    file.write_bytes(b"ARROW1\0\0" + bytes(range(256)) * 20 + b"ARROW1")
    rewrite_manifest(
        predictions, files={file.name: {"bytes": file.stat().st_size, "sha256": sha256_of(file)}}
    )
    with pytest.raises(FacelabelError, match=r"predictions\.arrow cannot be read"):
        load_predictions(filled, predictions)


@pytest.mark.parametrize("images", ["link", "copy"])
@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_an_export_with_a_damaged_image_is_refused_by_its_name(
    filled: ProjectFolder, tmp_path: Path, images: str, harm: str
):
    file = sorted(filled.stores.images.local_root.glob("*/*.jpg"))[11]
    name = next(n for n, sha256 in names_and_hashes(filled) if sha256 == file.stem)
    content = file.read_bytes()
    file.unlink()
    if harm == "changed":
        file.write_bytes(content[:-1] + b"?")
    told = "is missing" if harm == "missing" else "has other bytes"
    for command in (
        ("export", "--to", tmp_path / "out", "--images", images),
        ("export", "--format", "cvat", "--to", tmp_path / "out", "--images", images),
    ):
        refused = call(*command, "-p", filled.path)
        refused.assert_refused(1, name, told, "doctor")
        assert "room" not in refused.err
        assert list(tmp_path.glob("*out*")) == []


def names_and_hashes(project: ProjectFolder) -> list[tuple[str, str]]:
    with project.database.read() as session:
        return [tuple(row) for row in session.execute(select(Image.name, Image.sha256))]


def suggested(task: dict) -> set[str]:
    return {cell["attribute"] for cell in task["cells"] if cell["suggestion"]}


@pytest.mark.parametrize("size", [0, 100, 5_000])
def test_predictions_that_are_cut_off_while_they_are_in_use_end_no_process(filled: ProjectFolder, size: int):
    names = names_of(filled, split="train")
    folder = write_predictions(
        filled, filled.rounds / "brought-x" / "predictions", dict.fromkeys(names, UNCERTAIN)
    )
    load_predictions(filled, folder)
    filled.database.close()
    with Server(filled.path) as server:
        client = server.client()
        [task] = client.next()["tasks"]
        assert "glasses" in suggested(task)
        with (folder / "predictions.arrow").open("r+b") as file:
            file.truncate(size)
        for _ in range(5):
            [task] = client.next()["tasks"]
            assert suggested(task) == set()
            client.answer(task, {"glasses": 1})
        assert client.get("/images")["images"]
        assert client.get("/rounds") is not None


def test_a_file_that_is_shorter_than_its_manifest_says_is_not_mapped(filled: ProjectFolder, tmp_path: Path):
    names = sorted(name for name, _ in names_and_hashes(filled))
    folder = write_predictions(filled, tmp_path / "predictions", dict.fromkeys(names, UNCERTAIN))
    file = folder / "predictions.arrow"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(FacelabelError, match=r"another size"):
        PredictionsFile(folder).check_columns()
