"""A probe on views of the face: its model folder, and the models of the time before views."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.drawn_snapshot import draw_faces
from trainer.data.snapshot import Snapshot
from trainer.networks import build
from trainer.probe.embeddings import pool_embeddings
from trainer.probe.features import compute_features
from trainer.probe.probe import fit_probe, load_probe, save_probe
from trainer.probe.sources import BACKBONE, VIEWS
from trainer.rounds.engines import ask
from trainer.rounds.load_model import open_network
from trainer.runtime.errors import ModelError
from trainer.runtime.files import file_entry, write_manifest
from trainer.runtime.tensors import read_tensors, write_tensors
from trainer.views import WHOLE


@pytest.fixture(scope="module")
def backbone():
    return build(BACKBONE, pretrained=True)


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """20 drawn faces; the search has found every face but one."""
    folder = draw_faces(tmp_path_factory.mktemp("few") / "snapshot", 20, labelled=20)
    landmarks = np.tile(np.float32([[24, 30], [32, 30], [48, 30], [40, 30], [36, 42]]), (20, 1, 1))
    landmarks[7] = np.nan
    return replace(Snapshot.open(folder), landmarks=landmarks)


def trained(snapshot, backbone, views, folder):
    """Train a probe and save it below a folder; return it with its features."""
    features = compute_features(snapshot, backbone, folder / "cache", views, progress=lambda *_: None)
    probe = fit_probe(snapshot, pool_embeddings(features), 0)
    save_probe(folder / "model", probe, snapshot, features, 0)
    return probe, features


def test_a_saved_probe_on_views_gives_the_same_answers(few, backbone, tmp_path):
    probe, features = trained(few, backbone, VIEWS, tmp_path)
    assert list(features) == ["head", "face"]
    again, manifest = load_probe(tmp_path / "model")
    entries = {entry["name"]: entry["views"] for entry in manifest["attributes"]}
    assert entries == {name: list(head.views) for name, head in probe.heads.items()}
    expected = probe.answer(features)
    for name, p in again.answer(features).items():
        np.testing.assert_allclose(p, expected[name], atol=1e-5)
    asked = ask(tmp_path / "model", few, tmp_path / "cache", lambda _: None).probabilities
    np.testing.assert_allclose(asked["glasses"], expected["glasses"], atol=1e-5)

    saved = open_network(tmp_path / "model")
    assert saved.input_size == (320, 192 + 320)
    rows = [0, 7, 12]
    inputs = torch.stack([saved.load(few.image_path(row), few.landmarks[row]) for row in rows])
    for name, p in saved.probabilities(inputs).items():
        np.testing.assert_allclose(p, expected[name][rows], atol=5e-3)


def test_a_model_of_the_time_before_views_is_still_used(few, backbone, tmp_path):
    probe, features = trained(few, backbone, [replace(WHOLE, side=backbone.input_size)], tmp_path)
    make_old(tmp_path / "model", features["whole"].recipe)
    asked = ask(tmp_path / "model", few, tmp_path / "cache", lambda _: None).probabilities
    expected = probe.answer(features)
    for name, p in asked.items():
        np.testing.assert_allclose(p, expected[name], atol=1e-5)
    saved = open_network(tmp_path / "model")
    assert (saved.views, saved.input_size) == ((), (192, 192))
    inputs = torch.stack([saved.load(few.image_path(row)) for row in (0, 7)])
    np.testing.assert_allclose(saved.probabilities(inputs)["glasses"], expected["glasses"][[0, 7]], atol=5e-3)
    make_old(tmp_path / "model", features["whole"].recipe | {"version": 1})
    with pytest.raises(ModelError, match="was trained with another features"):
        ask(tmp_path / "model", few, tmp_path / "cache", lambda _: None)


def make_old(folder, recipe):
    """Rewrite a model on whole images as it was written before there were views."""
    tensors = read_tensors(folder / "model.safetensors")
    write_tensors(folder / "model.safetensors", {n.removesuffix("/whole"): t for n, t in tensors.items()})
    manifest = json.loads((folder / "model.json").read_bytes())
    for entry in manifest["attributes"]:
        entry.pop("views", None)
    del manifest["manifest_hash"]
    files = {"model.safetensors": file_entry(folder / "model.safetensors")}
    write_manifest(folder / "model.json", manifest | {"features": recipe, "files": files})
