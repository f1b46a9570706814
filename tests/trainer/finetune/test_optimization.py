"""Optimizers, schedules, losses by name, resampling and precision."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.support.small_run import CONFIG, register_small
from trainer.config import FitConfig
from trainer.data.dataset import epoch_order
from trainer.finetune.losses import attribute_loss, image_weights, masked_cross_entropy
from trainer.finetune.model import build_model
from trainer.finetune.optimization import build_optimizer, prepare_for_training, rate_factor
from trainer.finetune.precision import choose_precision

register_small()
LOGITS = torch.tensor([[2.0, -1.0], [0.5, 0.2], [-3.0, 1.0], [9.0, 9.0]])
LABELS = torch.tensor([0, 1, 1, -1])
WEIGHTS = torch.tensor([1.0, 3.0])


def factors(**settings):
    config = CONFIG.model_copy(update={"epochs": 10, "warmup_epochs": 0, **settings})
    return [rate_factor(config, step=step, steps=4) for step in range(40)]


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop"])
def test_every_optimizer_updates_all_parameters_with_separate_rates(name):
    torch.manual_seed(0)  # with other weights a unit may be inactive for all four images
    config = CONFIG.model_copy(update={"optimizer": name, "learning_rate": 0.01, "head_learning_rate": 0.02})
    model = build_model(config, {"a": 2}, pretrained=False)
    prepare_for_training(model, config)
    optimizer = build_optimizer(model, config)
    assert {group["peak"] for group in optimizer.param_groups} == {0.01, 0.02}
    assert sum(len(g["params"]) for g in optimizer.param_groups) == len(list(model.parameters()))
    before = [p.detach().clone() for p in model.parameters()]
    model(torch.randn(4, 3, 32, 32))["a"].square().sum().backward()
    optimizer.step()
    assert all(not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


def test_schedules_have_the_expected_shapes():
    assert set(factors(schedule="constant")) == {1.0}
    stepped = factors(schedule="step", step_epochs=4, step_factor=0.5)
    assert (stepped[0], stepped[16], stepped[39]) == (1.0, 0.5, 0.25)
    cycle = factors(schedule="one_cycle")
    assert cycle.index(max(cycle)) == 12
    assert cycle[0] < 0.05
    assert cycle[-1] < 0.02
    cosine = factors(schedule="cosine")
    assert cosine == sorted(cosine, reverse=True)


def test_each_phase_goes_through_the_whole_schedule():
    both = factors(schedule="cosine", head_epochs=4)
    assert both[0] == both[16] == 1.0
    assert both[15] < 0.05


@pytest.mark.parametrize("name", ["cross_entropy", "binary"])
def test_binary_loss_of_two_classes_is_cross_entropy(name):
    loss = attribute_loss(FitConfig(loss=name))(LOGITS, LABELS, WEIGHTS)
    each = functional.cross_entropy(LOGITS[:3], LABELS[:3], reduction="none") * WEIGHTS[LABELS[:3]]
    assert loss.item() == pytest.approx(each.mean().item())


def test_the_focal_loss_ignores_right_answers_and_equals_cross_entropy_at_gamma_0():
    plain = masked_cross_entropy(LOGITS, LABELS, WEIGHTS)
    assert attribute_loss(FitConfig(loss="focal", focal_gamma=0))(LOGITS, LABELS, WEIGHTS) == pytest.approx(
        plain.item()
    )
    sure = torch.tensor([[8.0, -8.0]])
    focal = attribute_loss(FitConfig(loss="focal"))(sure, torch.tensor([0]), torch.ones(2))
    assert focal < 1e-6 * masked_cross_entropy(sure, torch.tensor([1]), torch.ones(2))


def test_the_multi_label_loss_matches_torch_on_the_labelled_cells():
    targets = functional.one_hot(LABELS[:3], 2)
    expected = functional.multilabel_soft_margin_loss(LOGITS[:3], targets)
    found = attribute_loss(FitConfig(loss="multi_label"))(LOGITS, LABELS, torch.ones(2))
    assert found.item() == pytest.approx(expected.item())


@pytest.mark.parametrize("name", ["cross_entropy", "binary", "multi_label", "focal"])
def test_no_loss_has_a_gradient_at_a_masked_cell(name):
    logits = LOGITS.clone().requires_grad_()
    attribute_loss(FitConfig(loss=name))(logits, LABELS, WEIGHTS).backward()
    assert logits.grad[:3].abs().sum() > 0
    assert logits.grad[3].abs().sum() == 0


def test_resampling_draws_all_classes_equally_often():
    labels = np.array([0] * 90 + [1] * 10)
    chances = image_weights({"a": labels}, {"a": 2}, power=1.0)
    drawn = np.concatenate(
        [np.concatenate(epoch_order(100, 10, seed=0, epoch=epoch, weights=chances)) for epoch in range(30)]
    )
    assert labels[drawn].mean() == pytest.approx(0.5, abs=0.04)
    assert image_weights({"a": labels}, {"a": 2}, power=0) is None


def test_the_precision_is_measured_only_once(tmp_path):
    config = CONFIG.model_copy(update={"precision": "auto"})
    model = build_model(config, {"a": 2}, pretrained=False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    file = tmp_path / "precision.json"
    chosen = choose_precision(config, model, file)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert choose_precision(config, model, file) == chosen
    file.write_text('{"precision": "bfloat16"}')
    assert choose_precision(config, model, file) == torch.bfloat16
