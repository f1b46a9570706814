"""Probes are tried on networks, one folder each, and a network that cannot be used says why."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.support.small_run import draw_snapshot
from trainer.networks.pinned import pin_network
from trainer.rounds.engines import ask
from trainer.rounds.load_model import open_network
from trainer.rounds.predictions import Predictions
from trainer.rounds.round import run_round
from trainer.rounds.trials import try_networks
from trainer.runtime.errors import ModelError


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests use the same images, so their features are computed once."""
    return tmp_path_factory.mktemp("cache")


def test_every_network_is_tried_on_the_snapshot_and_a_damaged_one_says_why(tmp_path: Path, cache: Path):
    draw_snapshot(tmp_path / "snapshot", images=24)
    networks = [tmp_path / "networks" / name for name in ("test_resnet", "test_vit")]
    for folder in networks:
        pin_network(folder, folder.name, random=True)
    (networks[1] / "network.safetensors").write_bytes(b"torn")
    to = tmp_path / "trials"
    results = try_networks(tmp_path / "snapshot", to, networks, frozen=True, cache=cache)
    assert results["frozen"] == results["test_resnet"] == {"error": None}
    assert "network.safetensors was changed" in results["test_vit"]["error"]
    assert json.loads((to / "trials.json").read_text()) == results
    tried, frozen = (
        Predictions.open(to / "test_resnet" / "predictions"),
        Predictions.open(to / "frozen" / "predictions"),
    )
    assert tried.manifest["snapshot"] == frozen.manifest["snapshot"]
    assert "network_sha256" in tried.manifest["model"]
    assert "network_sha256" not in frozen.manifest["model"]
    assert try_networks(tmp_path / "snapshot", to, networks[:1], frozen=False, cache=cache) == {
        "test_resnet": {"error": None}
    }


def test_a_probe_chooses_per_attribute_among_the_features_of_both_networks(tmp_path: Path, cache: Path):
    snapshot = draw_snapshot(tmp_path / "snapshot", images=24)
    pin_network(tmp_path / "test_resnet", "test_resnet", random=True)
    ran = run_round(tmp_path / "snapshot", tmp_path / "run", cache=cache, network=tmp_path / "test_resnet")
    model = json.loads((ran.model / "model.json").read_text())
    views = ["head", "face", "head@test_resnet", "face@test_resnet"]
    assert sorted(model["features"]) == sorted(views)
    assert {model["features"][view]["backbone"] for view in views} == {"faces", "test_resnet"}
    assert [model["features"][view]["side"] for view in views[2:]] == [192, 320]
    assert {view for entry in model["attributes"] for view in entry["views"]} <= set(views)
    asked = ask(ran.model, snapshot, cache, lambda _: None)
    for name, answers in Predictions.open(ran.predictions).table.to_pydict().items():
        if name.startswith("p:"):
            np.testing.assert_allclose(asked.probabilities[name[2:]], answers, atol=2e-2)
    with pytest.raises(ModelError, match="features of two networks"):
        open_network(ran.model)
    shutil.rmtree(tmp_path / "test_resnet")
    with pytest.raises(ModelError, match="has no model"):
        ask(ran.model, snapshot, cache, lambda _: None)
