"""Every family of networks as a multi-output model: published sizes, training, saving and loading."""

import psutil
import pytest
import torch
from torch import nn

from trainer import networks
from trainer.config import FitConfig
from trainer.finetune.model import build_model
from trainer.finetune.optimization import build_optimizer, prepare_for_training
from trainer.finetune.saved_model import load_model, save_model
from trainer.networks import timm_models, torchvision_models
from trainer.runtime.errors import ChoiceError, WeightsError

LIGHT = [
    "efficientnet_lite0",
    "pixels",
    "s0_cnn",
    "s0_resnet32",
    "alexnet",
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "inception_v3",
    "mnasnet0_5",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "regnet_y_400mf",
    "resnet18",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "timm:resnet18",
    "convnext_atto",
    "mobilenetv3_small_050",
    "vit_tiny_patch16_224",
]
HEAVY = ["vgg16"]
BYTES = 28
"""Bytes of memory per parameter: itself, its gradient, two moments, a saved and a loaded copy, and a reserve."""
REST = [
    "dlib_face",
    "faces",
    "inception_resnet_v2",
    "xception",
    *sorted({*torchvision_models.names()} - {*LIGHT, *HEAVY}),
]
"""All other networks that are listed by name; the largest need 17 GiB."""


def untrained(name, **settings):
    return FitConfig(network=name, pretrained=False, batch_norm="trained", dropout=0, **settings)


def parameters(module):
    return sum(tensor.numel() for tensor in module.parameters())


def statistics(module):
    return sum(
        t.numel() for name, t in module.named_buffers() if name.endswith(("running_mean", "running_var"))
    )


def test_the_cnn_of_the_selfie_videos_has_its_6355011_parameters():
    model = build_model(untrained("s0_cnn"), {"who": 3}, pretrained=False)
    assert parameters(model) == 6_355_011
    assert statistics(model) == 0
    with torch.no_grad():
        assert model.backbone.map(torch.zeros(1, 3, 128, 128)).shape == (1, 512, 4, 4)


def test_the_resnet_of_the_selfie_videos_has_its_471139_parameters_and_2272_statistics():
    model = build_model(untrained("s0_resnet32"), {"who": 3}, pretrained=False)
    assert (parameters(model), statistics(model)) == (471_139, 2_272)
    assert model.backbone.feature_size == 1_280


def test_the_network_of_five_attributes_shares_nothing_but_the_image():
    model = build_model(untrained("pixels", head="branch"), {"glasses": 3, "hair": 5}, pretrained=False)
    assert parameters(model.backbone) == 0
    logits = model(model.prepare(torch.zeros(2, 3, 200, 200, dtype=torch.uint8)))
    assert {name: tuple(t.shape) for name, t in logits.items()} == {"glasses": (2, 3), "hair": (2, 5)}
    logits["hair"].sum().backward()
    assert all(p.grad is None for p in model.heads[0].parameters())


@pytest.mark.parametrize("name", ["vgg16", "resnet18", "mobilenet_v2", "googlenet"])
def test_a_torchvision_backbone_has_all_parameters_except_the_classifier(name):
    backbone = networks.build(name, pretrained=False)
    classifiers = {
        "vgg16": 123_642_856,
        "resnet18": 513_000,
        "mobilenet_v2": 1_281_000,
        "googlenet": 1_025_000,
    }
    assert parameters(backbone) == torchvision_models.facts(name).parameters - classifiers[name]


def test_features_match_the_whole_torchvision_model():
    from torchvision import models

    for name in ("resnet18", "mobilenet_v2", "densenet121"):
        with torch.random.fork_rng():
            torch.manual_seed(5)
            whole = models.get_model(name, weights=None).eval()
        backbone = networks.build(name, pretrained=False, seed=5)
        last = whole.fc if hasattr(whole, "fc") else whole.classifier
        last = last if isinstance(last, nn.Linear) else last[-1]
        images = torch.randn(2, 3, 64, 64)
        with torch.no_grad():
            torch.testing.assert_close(last(backbone(images)), whole(images), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    "name", [*LIGHT, *HEAVY, *(pytest.param(name, marks=pytest.mark.soak) for name in REST)]
)
def test_a_network_trains_a_step_and_survives_saving_and_loading(name, tmp_path, soak):
    if name in REST and not soak:
        pytest.skip("minutes together: make soak")
    if name in torchvision_models.names():
        needed = BYTES * torchvision_models.facts(name).parameters
        if needed > psutil.virtual_memory().available:
            pytest.skip(f"needs {needed / 2**30:.0f} GiB of free memory")
    config = untrained(name)
    model = build_model(config, {"a": 2, "b": 3}, pretrained=False).to(memory_format=torch.channels_last)
    backbone = model.backbone
    side = backbone.input_size if backbone.fixed_side else max(backbone.smallest_side, 64)
    prepare_for_training(model, config)
    images = torch.randint(0, 256, (2, 3, side, side), dtype=torch.uint8)
    logits = model(model.prepare(images))
    sum(values.square().sum() for values in logits.values()).backward()
    build_optimizer(model, config).step()
    assert all(torch.isfinite(p).all() for p in model.parameters())
    model.eval()
    save_model(tmp_path / "model", model, {"a": [0, 1], "b": [0, 1, 2]}, config, {})
    loaded = load_model(tmp_path / "model").network
    with torch.no_grad():
        before, after = model(model.prepare(images)), loaded(loaded.prepare(images))
    assert all(torch.equal(before[answer], after[answer]) for answer in before)


@pytest.mark.parametrize("name", ["resnet18", "convnext_atto", "s0_resnet32"])
def test_frozen_stages_and_their_statistics_do_not_move(name):
    config = untrained(name, frozen_stages=2, learning_rate=0.1)
    model = build_model(config, {"a": 2}, pretrained=False)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    frozen = [m for stage in model.backbone.stages[:2] for m in [model.backbone.stage_modules[stage]]]
    kept = {id(t) for module in frozen for t in (*module.parameters(), *module.buffers())}
    prepare_for_training(model, config)
    model(model.prepare(torch.randint(0, 256, (4, 3, 96, 96), dtype=torch.uint8)))["a"].sum().backward()
    build_optimizer(model, config).step()
    now = model.state_dict(keep_vars=True)
    moved = {key for key in before if not torch.equal(before[key], now[key].detach())}
    assert moved
    assert kept
    assert not {key for key in moved if id(now[key]) in kept}


def test_the_first_phase_trains_only_the_heads_and_the_second_everything():
    config = untrained("s0_resnet32", head_epochs=1, learning_rate=0.1)
    model = build_model(config, {"a": 2}, pretrained=False)
    optimizer = build_optimizer(model, config)
    images = model.prepare(torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8))

    def moved(epoch):
        before = {key: tensor.clone() for key, tensor in model.backbone.state_dict().items()}
        heads = model.heads[0].weight.detach().clone()
        prepare_for_training(model, config, epoch=epoch)
        optimizer.zero_grad(set_to_none=True)
        model(images)["a"].square().sum().backward()
        optimizer.step()
        now = model.backbone.state_dict()
        return not torch.equal(heads, model.heads[0].weight), any(
            not torch.equal(before[k], now[k]) for k in now
        )

    assert moved(0) == (True, False)
    assert moved(1) == (True, True)


@pytest.mark.parametrize("head", ["linear", "hidden", "branch"])
def test_heads_of_every_kind_work_on_a_backbone(head):
    model = build_model(untrained("resnet18", head=head, hidden=20), {"a": 2, "b": 4}, pretrained=False)
    logits = model.eval()(torch.zeros(2, 3, 64, 64))
    assert logits["b"].shape == (2, 4)


def test_weights_that_cannot_be_downloaded_are_named_with_their_place(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(WeightsError, match=r"put it at .*resnet18-f37072fd\.pth"):
        networks.build("resnet18", pretrained=True)
    with pytest.raises(WeightsError, match=r"timm-inception_resnet_v2\.tf_in1k\.safetensors"):
        networks.build("inception_resnet_v2", pretrained=True)
    assert not list(tmp_path.rglob("*.pth"))


def test_weights_in_torchs_cache_are_used_without_a_download(monkeypatch, tmp_path):
    from torchvision import models

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    published = models.mobilenet_v3_small(weights=None)
    torch.save(published.state_dict(), tmp_path / "hub/checkpoints/mobilenet_v3_small-047dcff4.pth")
    backbone = networks.build("mobilenet_v3_small", pretrained=True)
    assert torch.equal(next(backbone.parameters()), next(published.parameters()))


@pytest.mark.parametrize(
    "name", ["timm:resnet18", "convnext_atto", "mobilenetv3_small_050", "vit_tiny_patch16_224", "levit_128s"]
)
def test_a_published_timm_file_is_loaded_except_for_its_classifier(name, tmp_path):
    import timm

    published = timm.create_model(name.removeprefix("timm:"))
    torch.save(published.state_dict(), tmp_path / "weights.pth")
    backbone = networks.build(name, pretrained=True, weights=tmp_path / "weights.pth")
    ours, theirs = backbone.model.state_dict(), published.state_dict()
    assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())
    side = backbone.input_size
    with torch.no_grad():
        stages = backbone.forward_stages(torch.zeros(1, 3, side, side))
        last = backbone.map(torch.zeros(1, 3, side, side))
    assert len(stages) >= 3
    assert last.shape[:2] == (1, backbone.channels)


def test_the_old_tensor_names_of_published_densenets_are_accepted(tmp_path):
    from torchvision import models

    published = models.densenet121(weights=None).state_dict()
    old = {key.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): t for key, t in published.items()}
    assert set(old) != set(published)
    torch.save(old, tmp_path / "weights.pth")
    backbone = networks.build("densenet121", pretrained=True, weights=tmp_path / "weights.pth")
    assert torch.equal(next(backbone.parameters()), next(iter(published.values())))


def test_a_given_weights_file_is_used_unless_it_belongs_to_another_network(tmp_path):
    from torchvision import models

    file = tmp_path / "weights.pth"
    torch.save(models.resnet18(weights=None).state_dict(), file)
    weights = torch.load(file, weights_only=True)
    backbone = networks.build("resnet18", pretrained=True, weights=file)
    assert torch.equal(backbone.state_dict()["layers.conv1.0.weight"], weights["conv1.weight"])
    with pytest.raises(
        WeightsError, match=r"are not those of mobilenet_v2: \d+ tensors are missing, .*first"
    ):
        networks.build("mobilenet_v2", pretrained=True, weights=file)
    with pytest.raises(WeightsError, match="there is no such file"):
        networks.build("resnet18", pretrained=True, weights=tmp_path / "gone.pth")


def test_weights_that_would_run_code_are_refused(tmp_path):
    torch.save({"conv1.weight": print}, tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match="cannot be read"):
        networks.build("resnet18", pretrained=True, weights=tmp_path / "weights.pth")


def test_pretrained_is_refused_for_a_network_without_published_weights():
    with pytest.raises(ChoiceError, match="no published weights of s0_cnn"):
        networks.build("s0_cnn", pretrained=True)


def test_all_torchvision_networks_have_parameters_and_sizes():
    for name in torchvision_models.names():
        known = torchvision_models.facts(name)
        assert known.parameters > 1_000_000
        assert known.smallest_side <= known.input_size
    assert {"vgg16", "resnet18", "resnet50", "googlenet", "inception_v3"} <= set(torchvision_models.names())


def test_networks_of_timm_are_found_by_a_pattern():
    assert "inception_resnet_v2" in timm_models.names("inception*")
    assert "xception" in timm_models.names("xcep*")
    assert timm_models.facts("inception_resnet_v2").parameters == 54_306_464
