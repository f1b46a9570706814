"""Heads that learn from soft labels."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from trainer.data.snapshot import Snapshot
from trainer.probe.linear_heads import fit_heads
from trainer.rounds.round import run_round
from trainer.runtime.errors import ChoiceError, PredictionsError, SnapshotError
from trainer.runtime.files import file_entry, read_manifest, write_manifest


def test_certain_soft_labels_teach_what_the_labels_teach():
    random = np.random.default_rng(0)
    points = torch.from_numpy(random.normal(size=(300, 10)).astype(np.float32))
    labels = (points[:, 0].numpy() + random.normal(size=300) > 0).astype(np.int64)
    labels[:20] = -1
    groups = np.arange(300).astype(str)
    soft = (labels[:, None] == np.arange(2)).astype(np.float32)
    hard = fit_heads(points, {"a": labels}, groups, {"a": 2}, 0)["a"]
    same = fit_heads(points, {"a": labels}, groups, {"a": 2}, 0, soft={"a": soft})["a"]
    torch.testing.assert_close(same.coefficients, hard.coefficients)
    assert (same.temperature, same.penalty, same.images) == (hard.temperature, hard.penalty, 280)


def test_what_is_as_likely_wrong_as_right_teaches_nothing():
    random = np.random.default_rng(1)
    points = random.normal(size=(800, 5)).astype(np.float32)
    truth = (points[:, 0] > 0).astype(np.int64)
    guessed = np.arange(400) % 4 > 0
    labels = np.where(guessed, 1 - truth[:400], truth[:400])
    soft = np.where(guessed[:, None], 0.5, labels[:, None] == np.arange(2)).astype(np.float32)
    right = []
    for targets in (None, {"a": soft}):
        some, groups = torch.from_numpy(points[:400]), np.arange(400).astype(str)
        head = fit_heads(some, {"a": labels}, groups, {"a": 2}, 0, soft=targets)["a"]
        right.append((head.answer(torch.from_numpy(points[400:])).argmax(axis=1) == truth[400:]).mean())
    assert right[0] < 0.5
    assert right[1] > 0.9


@pytest.fixture
def soft_faces(faces, tmp_path):
    """The drawn faces with soft labels of half of the labelled glasses."""
    folder = tmp_path / "soft"
    shutil.copytree(faces, folder)
    opened = Snapshot.open(faces)
    rows = [
        {
            "image_name": opened.image_names[row],
            "attribute": "glasses",
            "p": p,
            "cannot_tell": 0.2,
            "opinions": 3,
        }
        for row in np.flatnonzero(opened.labels["glasses"] >= 0)[::2]
        for p in [[0.6, 0.2] if opened.labels["glasses"][row] == 0 else [0.1, 0.7]]
    ]
    schema = pa.schema(
        [
            ("image_name", pa.string()),
            ("attribute", pa.string()),
            ("p", pa.list_(pa.float32())),
            ("cannot_tell", pa.float32()),
            ("opinions", pa.int32()),
        ]
    )
    file = folder / "probabilities.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema), file)
    manifest = read_manifest(
        faces / "manifest.json", format_name="facelabel-snapshot", version=1, error=SnapshotError
    )
    del manifest["manifest_hash"]
    manifest["files"][file.name] = file_entry(file)
    write_manifest(folder / "manifest.json", manifest)
    return folder


def test_a_round_learns_from_soft_labels_and_says_so(faces, soft_faces, cache, tmp_path):
    soft = run_round(soft_faces, tmp_path / "round", cache=cache, soft_labels=True)
    sha256 = Snapshot.open(soft_faces).manifest["files"]["probabilities.parquet"]["sha256"]
    assert soft.manifest["model"]["soft_labels_sha256"] == sha256
    assert run_round(soft_faces, tmp_path / "round", cache=cache, soft_labels=True).manifest == soft.manifest
    with pytest.raises(PredictionsError, match="soft labels differs"):
        run_round(soft_faces, tmp_path / "round", cache=cache)
    with pytest.raises(SnapshotError, match="no soft labels"):
        run_round(faces, tmp_path / "none", cache=cache, soft_labels=True)
    with pytest.raises(ChoiceError, match="does not learn from soft labels"):
        run_round(soft_faces, tmp_path / "cnn", cache=cache, engine="cnn", soft_labels=True)
