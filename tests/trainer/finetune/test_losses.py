"""Losses: unlabelled cells are masked, and rare classes get more weight."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from trainer.finetune.losses import class_weights, masked_adjusted, masked_cross_entropy, multi_output_loss


def test_class_weights_rise_with_the_square_root_of_rarity_and_average_one_over_the_cells():
    labels = np.array([0] * 90 + [1] * 10 + [-1] * 5 + [-2] * 100)
    weights = class_weights(labels, 3)
    assert float(weights[1] / weights[0]) == pytest.approx(3.0)
    assert float(0.9 * weights[0] + 0.1 * weights[1]) == pytest.approx(1.0)
    assert weights[2] == 0


def test_power_0_weighs_cells_equally_and_power_1_classes_equally():
    labels = np.array([0] * 75 + [1] * 25)
    assert class_weights(labels, 2, power=0).tolist() == [1, 1]
    assert class_weights(labels, 2, power=1).tolist() == pytest.approx([2 / 3, 2])


def test_class_weights_without_labels_are_zero():
    assert class_weights(np.array([-1, -2]), 2).tolist() == [0, 0]


def test_the_masked_loss_is_the_cross_entropy_of_the_labelled_cells():
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([0, -1, 2, -2, 1])
    expected = functional.cross_entropy(logits[[0, 2, 4]], labels[[0, 2, 4]])
    assert masked_cross_entropy(logits, labels, torch.ones(3)) == pytest.approx(expected.item())


def test_masked_cells_have_no_gradient():
    logits = torch.zeros(3, 2, requires_grad=True)
    masked_cross_entropy(logits, torch.tensor([1, -1, -2]), torch.ones(2)).backward()
    assert logits.grad[0].abs().sum() > 0
    assert logits.grad[1:].abs().sum() == 0


def test_a_batch_without_labels_has_zero_loss_and_gradient():
    logits = torch.randn(4, 2, requires_grad=True)
    loss = masked_cross_entropy(logits, torch.full((4,), -2), torch.ones(2))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().sum() == 0


def test_attributes_have_equal_weight_with_any_number_of_labels():
    logits = {"full": torch.randn(8, 2), "sparse": torch.randn(8, 3)}
    labels = {"full": torch.ones(8, dtype=torch.int64), "sparse": torch.tensor([2] + [-2] * 7)}
    weights = {"full": torch.ones(2), "sparse": torch.ones(3)}
    each = [masked_cross_entropy(logits[name], labels[name], weights[name]) for name in logits]
    assert multi_output_loss(logits, labels, weights) == pytest.approx((sum(each) / 2).item())


def test_the_adjusted_loss_is_minimal_at_zero_logits_for_labels_at_class_frequency():
    labels = torch.tensor([0] * 90 + [1] * 10 + [-1] * 7)
    prior = torch.tensor([0.9, 0.1])
    logits = torch.zeros(len(labels), 2, requires_grad=True)
    masked_adjusted(logits, labels, prior).backward()
    assert logits.grad.sum(dim=0).tolist() == pytest.approx([0, 0], abs=1e-7)
    assert logits.grad[-7:].abs().sum() == 0
    assert masked_adjusted(logits, labels, prior).item() == pytest.approx(
        -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    )
