"""The predictions folder follows FORMATS.md, for few images and for many."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from trainer.acquisition import pool_of, rank_images
from trainer.data.snapshot import Snapshot
from trainer.rounds.predictions import Predictions, write_predictions
from trainer.runtime.errors import PredictionsError
from trainer.runtime.files import sha256_file

ABOUT = {"metrics": {}, "model": {"engine": "probe"}, "seed": 0, "strategy": "margin"}
PRIOR = np.array([0.7, 0.3])


def write(folder, snapshot):
    random = np.random.default_rng(0)
    p = {"glasses": random.dirichlet([1, 1], len(snapshot)).astype(np.float32)}
    ranking = rank_images(pool_of(snapshot, p, 0), "margin")
    write_predictions(folder, snapshot, p, ranking, priors={"glasses": PRIOR}, about=ABOUT)
    return p["glasses"], ranking


@pytest.fixture
def written(faces, tmp_path):
    snapshot = Snapshot.open(faces)
    return snapshot, *write(tmp_path / "predictions", snapshot), tmp_path / "predictions"


def test_columns_and_types_are_those_of_the_format(written):
    *_, folder = written
    schema = Predictions.open(folder).table.schema
    assert {field.name: str(field.type) for field in schema} == {
        "image_name": "string",
        "sha256": "string",
        "p:glasses": "fixed_size_list<item: float>[2]",
        "score:glasses": "float",
        "score": "float",
        "drawn": "float",
        "order": "int32",
    }
    assert schema.names == ["image_name", "sha256", "p:glasses", "score:glasses", "score", "drawn", "order"]


def test_rows_are_read_as_written(written):
    snapshot, p, ranking, folder = written
    read = Predictions.open(folder)
    assert read.table["image_name"].to_pylist() == snapshot.image_names
    assert read.table["sha256"].to_pylist() == snapshot.sha256
    assert np.array_equal(read.probabilities("glasses"), p)
    assert np.array_equal(read.order(), ranking.order)
    labelled = snapshot.labels["glasses"] >= 0
    assert [score is None for score in read.table["score:glasses"].to_pylist()] == labelled.tolist()


def test_the_manifest_identifies_snapshot_schema_and_file(written):
    snapshot, *_, folder = written
    manifest = Predictions.open(folder).manifest
    assert manifest["snapshot"] == {"content_hash": snapshot.content_hash}
    assert manifest["schema"]["hash"] == snapshot.schema_hash
    assert manifest["schema"]["attributes"] == [{"codes": [0, 1], "name": "glasses", "prior": PRIOR.tolist()}]
    assert manifest["files"]["predictions.arrow"]["sha256"] == sha256_file(folder / "predictions.arrow")
    assert manifest["rows"] == len(snapshot)


def test_only_the_two_files_are_left(written):
    *_, folder = written
    assert sorted(file.name for file in folder.iterdir()) == ["manifest.json", "predictions.arrow"]


def test_many_images_are_written_in_separate_batches(faces, tmp_path):
    few = Snapshot.open(faces)
    count = 70_000
    many = replace(
        few,
        image_names=[f"{number:06d}.png" for number in range(count)],
        sha256=["0" * 64] * count,
        splits=np.full(count, "train"),
        groups=np.array([f"image:{number}" for number in range(count)]),
        labels={name: np.full(count, -2) for name in few.labels},
    )
    p, _ = write(tmp_path, many)
    with pa.memory_map(str(tmp_path / "predictions.arrow")) as mapped:
        file = pa.ipc.open_file(mapped)
        assert [file.get_batch(i).num_rows for i in range(file.num_record_batches)] == [65_536, 4_464]
        last = file.get_batch(1).slice(4_463, 1).to_pylist()[0]
    assert last["image_name"] == "069999.png"
    np.testing.assert_array_equal(last["p:glasses"], p[-1])
    assert Predictions.open(tmp_path).probabilities("glasses").shape == (count, 2)


@pytest.mark.parametrize("name", ["predictions.arrow", "manifest.json"])
def test_a_changed_byte_is_found(written, name):
    *_, folder = written
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(PredictionsError):
        Predictions.open(folder)
