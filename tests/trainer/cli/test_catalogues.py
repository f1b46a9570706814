"""The commands that list presets and networks."""

import json

from tests.support.small_run import register_small
from tests.support.training_commands import call
from trainer.config import FitConfig
from trainer.presets import PRESETS


def test_every_preset_is_valid_and_listed():
    listed = json.loads(call("presets", "--json").stdout)
    assert set(listed) == set(PRESETS)
    assert {"default", "s0-cnn", "s0-resnet", "s1-mobilenet", "s2", "s3-vgg16", "s4-resnet18"} <= set(listed)
    for name, chosen in PRESETS.items():
        assert FitConfig.model_validate(chosen.settings).network, name
    assert "s2: Five attributes" in call("presets").stdout


def test_networks_are_listed_with_parameters_sizes_and_needs():
    listed = {row["name"]: row for row in json.loads(call("models", "--json").stdout)["networks"]}
    assert listed["vgg16"]["parameters"] == 138_357_544
    assert listed["s0_cnn"]["parameters"] == 6_355_011
    assert listed["inception_resnet_v2"]["parameters"] == 54_306_464
    assert listed["efficientnet_lite0"]["needs"].startswith("nothing")
    assert "resnet18-f37072fd.pth" in listed["resnet18"]["needs"]
    found = json.loads(call("models", "--search", "inception_resnet*", "--json").stdout)["networks"]
    assert [row["name"] for row in found] == ["inception_resnet_v2"]
    assert "timm:inception_v3" in call("models", "--search", "inception_v3").stdout, "torchvision has one too"


def test_the_stages_that_can_be_frozen_are_listed():
    register_small()
    stages = json.loads(call("models", "--stages", "small", "--json").stdout)
    assert [stage["stage"] for stage in stages] == ["first", "second"]
    assert stages[0]["parameters"] == 3 * 8 * 9 + 3 * 8
    assert "second" in call("models", "--stages", "small").stdout


def test_a_misspelt_network_is_refused_with_similar_names():
    result = call("models", "--stages", "mobilenet_v3")
    assert result.exit_code == 2
    assert "Choose one of: mobilenet_v3_large, mobilenet_v3_small;" in result.stderr
