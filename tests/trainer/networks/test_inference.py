"""OpenVINO computes features: in a process that ends afterwards, because it is not yet trusted in a long one."""

import os
import subprocess
import sys

import pytest
import torch

from tests.support.paths import CHECKOUT
from trainer.networks import build
from trainer.networks.inference import FEWEST, FILE, SETTING, inference

CASES = CHECKOUT / "tests" / "trainer" / "networks" / "openvino_cases.py"


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_openvino_computes_features_as_torch_does(soak):
    if not soak:
        pytest.skip(
            "converting networks can damage the process (trainer/networks/inference.py): make soak runs it"
        )
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", str(CASES)]
    done = subprocess.run(
        command, cwd=CHECKOUT, env=os.environ | {SETTING: "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_torch_computes_unless_openvino_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.delenv(SETTING, raising=False)
    backbone = build("pixels", pretrained=False).eval()
    images = torch.randint(256, (2 * FEWEST, 3, 64, 64), dtype=torch.uint8)
    features = inference(backbone, tmp_path)(images)
    torch.testing.assert_close(features, backbone(backbone.normalise(images)))
    assert not (tmp_path / FILE).exists()
