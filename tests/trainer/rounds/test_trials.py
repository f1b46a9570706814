"""Probes are tried on networks, one folder each, and a network that cannot be used says why."""

import json
from pathlib import Path

from tests.support.small_run import draw_snapshot
from trainer.networks.pinned import pin_network
from trainer.rounds.predictions import Predictions
from trainer.rounds.trials import try_networks


def test_every_network_is_tried_on_the_snapshot_and_a_damaged_one_says_why(tmp_path: Path):
    draw_snapshot(tmp_path / "snapshot")
    networks = [tmp_path / "networks" / name for name in ("test_resnet", "test_vit")]
    for folder in networks:
        pin_network(folder, folder.name, random=True)
    (networks[1] / "network.safetensors").write_bytes(b"torn")
    to = tmp_path / "trials"
    results = try_networks(tmp_path / "snapshot", to, networks, frozen=True, cache=tmp_path / "cache")
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
    assert try_networks(tmp_path / "snapshot", to, networks[:1], frozen=False, cache=tmp_path / "cache") == {
        "test_resnet": {"error": None}
    }
