"""The points of a pool are kept beside its features and computed again only when they must be."""

import shutil

import numpy as np
import pytest
import torch

from trainer.data.snapshot import Snapshot
from trainer.probe.embeddings import FILE, pool_points
from trainer.probe.probe import fit_probe
from trainer.rounds.engines import _features


@pytest.fixture
def features(faces, cache, tmp_path):
    """Features of the drawn faces in a cache of their own."""
    _features(Snapshot.open(faces), cache, lambda _: None)
    shutil.copytree(cache, tmp_path / "cache")
    return _features(Snapshot.open(faces), tmp_path / "cache", lambda _: None)


def read_points(features):
    """As a new process does, which has none in memory."""
    pool_points.cache_clear()
    return pool_points(features)


def test_points_lie_along_the_main_directions_of_the_features(features):
    pool = read_points(features)
    images = torch.arange(len(pool))
    points = pool.of(images)
    torch.testing.assert_close(points, pool.basis.project(features.of(images)), atol=2e-3, rtol=2e-3)
    variance = points.var(dim=0)
    assert (variance[:5] > variance[-5:].max()).all()


def test_points_are_computed_once(features):
    read_points(features)
    file = features.store.folder / FILE
    before = file.stat().st_mtime_ns
    assert len(read_points(features)) == len(features.rows)
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", [b"", b"torn"])
def test_a_torn_file_is_computed_again(features, damage):
    whole = read_points(features).of(torch.arange(5)).clone()
    (features.store.folder / FILE).write_bytes(damage)
    assert torch.equal(read_points(features).of(torch.arange(5)), whole)


def test_new_records_change_no_point_of_a_snapshot_but_are_counted(features):
    before = read_points(features)
    sample = before.basis
    random = np.random.default_rng(0)
    features.store.append(["ff" * 32], random.random((1, features.store.size)).astype(np.float16))
    after = read_points(features)
    assert len(after.records) == len(before.records) + 1
    assert torch.equal(after.basis.directions, sample.directions), (
        "the image is not of this snapshot, so it has no part in the basis"
    )


def test_a_probe_answers_the_same_from_points_as_from_features(features, faces):
    pool = pool_points(features)
    probe = fit_probe(Snapshot.open(faces), pool, 0)
    from_points, from_features = probe.answer_pool(pool), probe.answer(features)
    for name, p in from_points.items():
        np.testing.assert_allclose(p, from_features[name], atol=5e-3)
    committee = probe.committee(pool)
    assert {name: c.shape[1:] for name, c in committee.items()} == {
        n: p.shape for n, p in from_points.items()
    }
