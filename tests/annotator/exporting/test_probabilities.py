"""probabilities.parquet: the soft label of every cell, verified row by row, and read by the trainer."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annotator.domain.schema import canonical_json
from annotator.errors import FacelabelError
from annotator.formats.snapshot.manifest import hash_manifest, read_manifest, sha256_of
from annotator.formats.snapshot.writer import SnapshotOptions, verify_snapshot
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.projects import init_project
from tests.support.projects.images import draw_plain_images, image_of, import_images
from tests.support.projects.labelling import Person
from tests.support.projects.reviewing import save_correction
from tests.support.projects.team import set_team_settings, vote_at_once
from trainer.data.snapshot import Snapshot
from trainer.data.soft_labels import read_soft_labels

IMAGES = 64


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All images have two answers and one has three; they differ on the glasses of each eighth. The last image is open."""
    folder = tmp_path_factory.mktemp("soft")
    project = init_project(folder / "project")
    draw_plain_images(folder / "images", IMAGES + 1)
    import_images(project, [folder / "images"])
    set_team_settings(project, overlap_share=1.0, overlap_opinions=3)
    images = {image_of(project, f"{number:04d}.png"): number for number in range(IMAGES)}
    vote_at_once(Person(project, "Ada"), {image: number % 2 for image, number in images.items()})
    vote_at_once(
        Person(project, "Bob"), {image: (number + (number % 8 == 0)) % 2 for image, number in images.items()}
    )
    vote_at_once(Person(project, "Cleo"), {image_of(project, "0008.png"): 0})
    decided = image_of(project, "0016.png")
    save_correction(project, Person(project), decided, {"glasses": 2}, "d", adjudicate=True)
    for name in ("s", "again"):
        export_snapshot(project, folder / name, SnapshotOptions(), probabilities=True)
    project.database.close()
    return folder / "s"


def rewritten(folder: Path, to: Path, change: Callable[[list[dict]], list[dict]]) -> Path:
    """A copy of a snapshot with other rows of probabilities and a manifest that fits them."""
    shutil.copytree(folder, to)
    file = to / "probabilities.parquet"
    table = pq.read_table(file)
    pq.write_table(pa.Table.from_pylist(change(table.to_pylist()), table.schema), file)
    manifest = read_manifest(to, "facelabel-snapshot")
    manifest["files"][file.name] = {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
    del manifest["manifest_hash"]
    sealed = manifest | {"manifest_hash": hash_manifest(manifest)}
    (to / "manifest.json").write_text(canonical_json(sealed))
    return to


def test_soft_labels_follow_from_who_answered_what(snapshot: Path):
    verify_snapshot(snapshot)
    file = snapshot / "probabilities.parquet"
    assert file.read_bytes() == (snapshot.parent / "again" / file.name).read_bytes()
    rows = {(row["image_name"], row["attribute"]): row for row in pq.read_table(file).to_pylist()}
    assert len(rows) == IMAGES * 6  # identity is open, and the last image has no label
    assert list(rows) == sorted(rows, key=lambda cell: cell[0])
    glasses = [rows[f"{number:04d}.png", "glasses"] for number in (1, 8, 16, 24)]
    assert [row["opinions"] for row in glasses] == [2, 3, 2, 2]
    agreed, outvoted, reviewed, differing = (row["p"] for row in glasses)
    assert agreed[1] > 0.98
    assert 0.8 < outvoted[0] < 1
    assert reviewed == [0, 0, 1]
    assert 0.2 < differing[0] < 0.8
    hair = rows["0000.png", "hair_top"]
    assert hair["cannot_tell"] > 0.95


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[::-1], "not sorted"),
        (lambda rows: [rows[0] | {"image_name": "0064.png"}, *rows[1:]], "has no label"),
        (lambda rows: [rows[0], *rows], "not sorted"),
        (lambda rows: [rows[0] | {"p": [0.5, 0.4]}, *rows[1:]], "add up to 1"),
        (lambda rows: [rows[0] | {"p": [1.5, -0.5]}, *rows[1:]], "between 0 and 1"),
        (lambda rows: [rows[0] | {"p": [float("nan"), 1.0]}, *rows[1:]], "between 0 and 1"),
        (lambda rows: [rows[0] | {"p": [1.0]}, *rows[1:]], "for each code"),
        (lambda rows: [rows[0] | {"p": None}, *rows[1:]], "for each code"),
        (lambda rows: [rows[0] | {"opinions": None}, *rows[1:]], "opinions"),
        (lambda rows: [rows[0] | {"attribute": "identity"}, *rows[1:]], "has no label"),
    ],
)
def test_verify_finds_rows_that_do_not_fit(snapshot: Path, tmp_path: Path, change: Callable, message: str):
    with pytest.raises(FacelabelError, match=message):
        verify_snapshot(rewritten(snapshot, tmp_path / "changed", change))


def test_the_trainer_reads_soft_labels_and_leaves_out_what_cannot_be_told(snapshot: Path):
    opened = Snapshot.open(snapshot)
    soft = read_soft_labels(opened)
    assert soft["glasses"].shape == (IMAGES + 1, 3)
    labelled = opened.labels["glasses"] >= 0
    np.testing.assert_allclose(soft["glasses"][labelled].sum(axis=1), 1, rtol=1e-5)
    assert not soft["glasses"][~labelled].any()
    assert not soft["hair_top"].any()  # nobody could tell it
