"""Features computed by OpenVINO agree with torch's, and torch computes them wherever OpenVINO cannot."""

import json
import logging
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import torch

from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until
from trainer.networks import Stages, build
from trainer.networks.backbone import Backbone
from trainer.networks.inference import FEWEST, FILE, PART, SETTING, Inference, inference
from trainer.runtime.threads import threads

NETWORKS = [("efficientnet_lite0", 75), ("convnext_atto", 96), ("vit_tiny_patch16_224", 224)]
SIDE = 80

BROKEN = """
import sys, torch
from pathlib import Path
from trainer.networks import build
from trainer.networks import inference as module
from trainer.networks.inference import PART, inference
module.FEWEST = 0
backbone = build("s0_cnn", pretrained=False)
images = torch.randint(0, 256, (16, 3, 80, 80), dtype=torch.uint8)
with torch.inference_mode():
    expected = torch.cat([backbone(backbone.normalise(part)) for part in torch.split(images, PART)])
features = inference(backbone, Path(sys.argv[1]))
while not features.chosen:
    features(images)
print(torch.equal(features(images), expected))
"""

KILLED = """
import os, signal, psutil
from tests.support.waiting import wait_until
from trainer.networks import build
from trainer.networks.openvino_network import OpenVinoNetwork
network = OpenVinoNetwork(build("s0_cnn", pretrained=False), (80, 80), threads=1)
wait_until(network.is_ready, "the network is compiled")
print(*(child.pid for child in psutil.Process().children() if "--multiprocessing-fork" in child.cmdline()), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
SPAWNED = "--multiprocessing-fork"


class Branch(Stages):
    """A network whose way depends on the pixels, which a trace does not show."""

    name = "branch"
    channels = feature_size = 3
    input_size = SIDE
    mean = std = (0.5, 0.5, 0.5)

    def __init__(self):
        super().__init__({"image": torch.nn.Identity()})

    def map(self, images):
        return images if images.mean() < -0.9 else 2 * images  # zeros are traced


def photos(count: int, side: int = SIDE) -> torch.Tensor:
    return torch.randint(
        0, 256, (count, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


def by_torch(backbone, images):
    whole = torch.cat(
        [images, images[-1:].expand(-len(images) % PART, -1, -1, -1)]
    )  # the last one fills its part
    with torch.inference_mode():
        parts = [backbone(backbone.normalise(part)) for part in torch.split(whole, PART)]
    return torch.cat(parts)[: len(images)]


def decided(features: Inference, images: torch.Tensor) -> Inference:
    """Compute features until it is decided what computes them."""

    def chosen() -> bool:
        features(images)
        return bool(features.chosen)

    wait_until(chosen, "it is decided what computes the features")
    return features


def measured(folder) -> dict:
    return json.loads((folder / FILE).read_text())


@dataclass(frozen=True)
class Measured:
    """A network that was measured, and what its first images met."""

    folder: Path
    backbone: Backbone
    first: torch.Tensor
    chosen_at_first: bool
    later: torch.Tensor


def write_choice(engine: str, made: Measured, folder: Path) -> dict:
    """Let a measurement have found this engine the faster one."""
    entries = {subject: entry | {"engine": engine} for subject, entry in measured(made.folder).items()}
    (folder / FILE).write_text(json.dumps(entries))
    return entries


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Measured:
    """Measured once for several tests: each compiled network takes a process three seconds."""
    pytest.importorskip("openvino")
    folder, backbone = tmp_path_factory.mktemp("measured"), build("s0_cnn", pretrained=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SETTING, "1")
        patch.setattr("trainer.networks.inference.FEWEST", 0)
        features = Inference(backbone, folder)
        first, chosen = features(photos(9)), bool(features.chosen)
        later = decided(features, photos(9))(photos(9))
    return Measured(folder, backbone, first, chosen, later)


@pytest.fixture
def in_soak(soak):
    """Leave a test to `make soak`: each compiled network takes a process three seconds."""
    if not soak:
        pytest.skip("compiles more networks: make soak runs it")


@pytest.fixture(autouse=True)
def _openvino(monkeypatch):
    monkeypatch.setenv(SETTING, "1")


@pytest.fixture
def backbone():
    return build("s0_cnn", pretrained=False)


@pytest.fixture
def at_once(monkeypatch):
    """Let OpenVINO compile from the first images on."""
    pytest.importorskip("openvino")
    monkeypatch.setattr("trainer.networks.inference.FEWEST", 0)


def test_openvino_gives_the_features_of_torch_for_any_number_of_images():
    _assert_same_features("faces", 64)


@pytest.mark.parametrize(("name", "side"), NETWORKS)
def test_openvino_gives_the_features_of_torch_for_networks_of_all_kinds(in_soak, name, side):
    _assert_same_features(name, side)


def _assert_same_features(name, side):
    pytest.importorskip("openvino")
    from trainer.networks.openvino_network import OpenVinoNetwork

    backbone = build(name, pretrained=False)
    features = OpenVinoNetwork(backbone, (side, side), threads=1)
    for count in (1, 5):
        images = photos(count, side).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
        expected = by_torch(backbone, images)
        deviation = torch.linalg.vector_norm(features(images) - expected, dim=1)
        assert (deviation <= 1e-4 * torch.linalg.vector_norm(expected, dim=1)).all()


def test_a_machine_measures_a_network_once_and_keeps_its_choice(at_once, made):
    assert torch.allclose(made.later, by_torch(made.backbone, photos(9)), rtol=1e-3, atol=1e-3)
    kept = (made.folder / FILE).read_bytes()
    (entry,) = measured(made.folder).values()
    assert set(entry["images per second"]) == {"openvino", "torch"}
    assert entry["deviation"] < 1e-4
    decided(Inference(made.backbone, made.folder), photos(9))
    assert (made.folder / FILE).read_bytes() == kept


def test_torch_computes_where_it_was_faster(at_once, made, tmp_path):
    slower = write_choice("torch", made, tmp_path)
    images, features = photos(9), Inference(made.backbone, tmp_path)
    assert torch.equal(features(images), by_torch(made.backbone, images))
    assert features.chosen
    assert measured(tmp_path) == slower


def test_another_number_of_threads_is_measured_anew_and_a_damaged_measurement_too(
    in_soak, at_once, backbone, tmp_path
):
    (tmp_path / FILE).write_text("[{")
    features = Inference(backbone, tmp_path)
    for count in (1, 2):
        with threads(count):
            wait_until(
                lambda count=count: features(photos(9)) is not None and len(features.chosen) == count,
                "it is decided",
            )
    assert len(measured(tmp_path)) == 2


def test_the_first_images_are_left_to_torch(backbone, tmp_path):
    pytest.importorskip("openvino")
    images, features = photos(FEWEST), Inference(backbone, tmp_path)
    assert torch.equal(features(images), by_torch(backbone, images))
    assert not (tmp_path / FILE).exists()
    decided(features, images[:1])
    assert (tmp_path / FILE).exists()


def test_torch_computes_while_openvino_compiles(made):
    assert torch.equal(made.first, by_torch(made.backbone, photos(9)))
    assert not made.chosen_at_first, "compiling takes a process seconds"


def test_changed_weights_give_other_features(in_soak, at_once, backbone, tmp_path):
    images = photos(9)
    before = decided(inference(backbone, tmp_path), images)(images)
    with torch.no_grad():
        backbone.dense[0].bias += 1
    assert not torch.allclose(inference(backbone, tmp_path)(images), before, atol=0.1)
    assert inference(backbone, tmp_path) is inference(backbone, tmp_path), "compiled once"


def test_a_network_that_openvino_computes_otherwise_is_left_to_torch(in_soak, at_once, tmp_path, caplog):
    caplog.set_level(logging.WARNING, "facelabel")
    backbone, images = Branch().eval(), photos(9)
    for _ in range(2):
        features = decided(Inference(backbone, tmp_path), images)
        assert torch.equal(features(images), by_torch(backbone, images))
    assert "its features deviate by" in caplog.text
    assert not (tmp_path / FILE).exists()


def test_torch_computes_where_openvino_is_not_installed(at_once, backbone, tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "openvino", None)
    images = photos(9)
    assert torch.equal(Inference(backbone, tmp_path)(images), by_torch(backbone, images))
    assert not caplog.text


def test_torch_computes_where_openvino_cannot_be_loaded(tmp_path):
    (tmp_path / "openvino.py").write_text("raise OSError('libtbb.so.12: no such file')")
    search = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(CHECKOUT)])}
    command = [sys.executable, "-c", BROKEN, tmp_path]
    result = subprocess.run(
        command, env=os.environ | search, capture_output=True, text=True, check=True, cwd=CHECKOUT
    )
    assert result.stdout == "True\n"
    assert "torch does, which takes longer: libtbb.so.12: no such file" in result.stderr


def test_openvino_tells_nobody_that_it_is_used(in_soak, tmp_path):
    pytest.importorskip("openvino")
    watch = """
import sys
def refuse(event, _):
    if event in ("socket.connect", "socket.getaddrinfo"):
        print("asked the network")
sys.addaudithook(refuse)
"""
    home = {"HOME": str(tmp_path / "home"), "PYTHONPATH": str(CHECKOUT)}
    (tmp_path / "home").mkdir()
    command = [sys.executable, "-c", watch + BROKEN.replace("print(torch.equal", "(torch.equal"), tmp_path]
    result = subprocess.run(
        command, env=os.environ | home, capture_output=True, text=True, check=True, cwd=CHECKOUT
    )
    assert result.stdout == ""
    assert (tmp_path / FILE).exists()
    assert not list((tmp_path / "home").iterdir())


def test_torch_computes_all_on_request(at_once, backbone, tmp_path, monkeypatch):
    monkeypatch.setenv(SETTING, "0")
    images = photos(9)
    assert torch.equal(Inference(backbone, tmp_path)(images), by_torch(backbone, images))
    assert not (tmp_path / FILE).exists()


def test_torch_goes_on_when_the_process_of_openvino_was_killed(at_once, made, tmp_path, caplog):
    caplog.set_level(logging.WARNING, "facelabel")
    write_choice("openvino", made, tmp_path)
    images, others = photos(9), set(psutil.Process().children())
    features = decided(Inference(made.backbone, tmp_path), images)
    (process,) = (child for child in set(psutil.Process().children()) - others if SPAWNED in child.cmdline())
    process.kill()
    process.wait()
    assert torch.equal(features(images), by_torch(made.backbone, images))
    assert "torch does, which takes longer" in caplog.text


def test_the_process_of_openvino_ends_with_a_killed_parent():
    pytest.importorskip("openvino")
    command = [sys.executable, "-c", KILLED]
    killed = subprocess.run(command, capture_output=True, text=True, check=False, cwd=CHECKOUT)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    pid = int(killed.stdout)
    if psutil.pid_exists(pid):
        psutil.Process(pid).wait(60)
