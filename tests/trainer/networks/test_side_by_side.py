"""A network on views side by side: features of each view, and values of its maps over the place of each view."""

import torch

from trainer.networks import build
from trainer.networks.side_by_side import SideBySide


def test_the_features_are_those_of_each_view_alone():
    backbone = build("pixels", pretrained=False).eval()
    views = [torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)]
    together = SideBySide(backbone, [64, 64])(torch.cat(views, dim=3))
    torch.testing.assert_close(together, torch.cat([backbone(view) for view in views], dim=1))


def test_values_lie_over_the_view_that_they_belong_to():
    network = SideBySide(build("pixels", pretrained=False), [32, 64])
    values = torch.zeros(1, 1, 4, 8)
    values[..., 4:] = 1  # the second view speaks for the class
    over = network.over_image(values, (64, 96))
    assert over.shape == (1, 1, 64, 96)
    assert over[..., :32].abs().max() == 0
    torch.testing.assert_close(over[..., 32:], torch.ones(1, 1, 64, 64))
