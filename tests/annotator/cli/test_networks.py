"""facelabel networks: add, list and remove networks, whose features probes may use."""

from pathlib import Path

import pytest
import timm
from safetensors.torch import save_file

from annotator.feature_warmup import AddedNetworksWarmup
from annotator.project import ProjectFolder
from annotator.services.rounds.networks import list_networks, network_folder_of
from tests.support.commands import call
from trainer.runtime.files import sha256_file

NAME = "timm:test_resnet"


def test_a_network_is_added_listed_warmed_up_and_removed(filled: ProjectFolder, tmp_path: Path):
    project = ("-p", filled.path)
    assert "No network was added" in call("networks", "list", *project).out
    weights = tmp_path / "weights.safetensors"
    save_file(timm.create_model("test_resnet", pretrained=False).state_dict(), weights)
    added = call("networks", "add", NAME, "--weights", weights, *project)
    added.assert_done()
    assert "licence: apache-2.0" in added.out
    listed = call("networks", "list", *project).out
    assert listed.startswith(f"{NAME}: ")
    assert sha256_file(weights) in listed
    call("networks", "add", NAME, "--random", *project).assert_refused(
        1, "was added already", "networks remove"
    )
    call("networks", "add", "faces", *project).assert_refused(1, "faces already")
    warmup = AddedNetworksWarmup(filled, faces=False)
    while warmup.run_step():
        pass
    stores = {file.parent.name.split("-")[0] for file in filled.cache.glob("*/images.sha256")}
    assert stores == {"test_resnet"}
    assert call("networks", "remove", NAME, *project).code == 0
    assert (list_networks(filled), list(filled.networks.iterdir())) == ([], [])
    call("networks", "remove", NAME, *project).assert_refused(1, "no added network", "networks list")


def test_a_network_that_cannot_be_pinned_leaves_nothing(filled: ProjectFolder):
    assert call("networks", "add", "../resnet", "-p", filled.path).code == 2
    assert list(filled.networks.iterdir()) == []


@pytest.mark.parametrize("name", ["..", ".", "", "/", "../rounds", "..\\rounds", ".hidden"])
def test_a_name_never_leads_out_of_the_networks(filled: ProjectFolder, name: str):
    (filled.networks / "kept").mkdir(parents=True)
    before = sorted(path.relative_to(filled.path) for path in filled.path.rglob("*"))
    call("networks", "remove", "-p", filled.path, "--", name).assert_refused(1, "no added network")
    assert sorted(path.relative_to(filled.path) for path in filled.path.rglob("*")) == before
    assert network_folder_of(filled, name).parent == filled.networks
