"""Embeddings of a pool are saved beside its features and computed again only if necessary."""

import shutil

import numpy as np
import pytest
import torch

from trainer.data.snapshot import Snapshot
from trainer.probe.embeddings import FILE, pool_embeddings, view_embeddings
from trainer.probe.probe import fit_probe
from trainer.rounds.engines import _features


@pytest.fixture
def features(faces, cache, tmp_path):
    """Features of the drawn faces in a separate cache."""
    _features(Snapshot.open(faces), cache, lambda _: None)
    shutil.copytree(cache, tmp_path / "cache")
    return _features(Snapshot.open(faces), tmp_path / "cache", lambda _: None)


def read_embeddings(features):
    """Read those of the head like a new process, which has none in memory."""
    view_embeddings.cache_clear()
    return view_embeddings(features["head"])


def test_embeddings_are_the_features_along_their_principal_directions(features):
    pool = read_embeddings(features)
    images = torch.arange(len(pool))
    embeddings = pool.of(images)
    torch.testing.assert_close(
        embeddings, pool.basis.project(features["head"].of(images)), atol=2e-3, rtol=2e-3
    )
    variance = embeddings.var(dim=0)
    assert (variance[:5] > variance[-5:].max()).all()


def test_embeddings_are_computed_once(features):
    read_embeddings(features)
    file = features["head"].store.folder / FILE
    before = file.stat().st_mtime_ns
    assert len(read_embeddings(features)) == len(features["head"].rows)
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", [b"", b"torn"])
def test_damaged_embeddings_are_computed_again(features, damage):
    whole = read_embeddings(features).of(torch.arange(5)).clone()
    (features["head"].store.folder / FILE).write_bytes(damage)
    assert torch.equal(read_embeddings(features).of(torch.arange(5)), whole)


def test_new_records_do_not_change_the_basis_of_a_snapshot(features):
    before = read_embeddings(features)
    sample = before.basis
    random = np.random.default_rng(0)
    features["head"].store.append(
        ["ff" * 32], random.random((1, features["head"].store.size)).astype(np.float16)
    )
    after = read_embeddings(features)
    assert len(after.records) == len(before.records) + 1
    assert torch.equal(after.basis.directions, sample.directions), (
        "the image is not in this snapshot, so it does not affect the basis"
    )


def test_a_probe_gives_the_same_answers_from_embeddings_as_from_features(features, faces):
    pool = pool_embeddings(features)
    probe = fit_probe(Snapshot.open(faces), pool, 0)
    from_embeddings, from_features = probe.answer_pool(pool), probe.answer(features)
    for name, p in from_embeddings.items():
        np.testing.assert_allclose(p, from_features[name], atol=5e-3)
    committee = probe.committee(pool)
    assert {name: c.shape[1:] for name, c in committee.items()} == {
        n: p.shape for n, p in from_embeddings.items()
    }
