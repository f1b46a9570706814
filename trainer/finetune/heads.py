"""The head of one attribute: a linear layer, a hidden layer before it, a branch of convolutions, or a probe's layer."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.config import HeadKind
from trainer.networks import Backbone

FILTERS, DENSE = (16, 32, 32), 128
"""The channels of a branch's convolutions, and the size of its dense layer."""
GRID = 4


class Branch(nn.Module):
    """Convolution, ReLU, batch normalisation, max pooling and dropout, three times over, then two dense layers.

    Args:
        channels: Channels of the backbone's last map.
        classes: Number of classes.
        dropout: Proportion of the dense layer's outputs that are dropped in training; half of it after convolutions.
    """

    def __init__(self, channels: int, classes: int, *, dropout: float) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for filters in FILTERS:
            blocks += [
                nn.Conv2d(channels, filters, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.BatchNorm2d(filters),
                nn.MaxPool2d(2, ceil_mode=True),
                nn.Dropout(dropout / 2),
            ]
            channels = filters
        self.convolutions = nn.Sequential(*blocks)
        self.dense = nn.Sequential(
            nn.Linear(channels * GRID**2, DENSE),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(DENSE, classes),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """(N, channels, H, W) map of the backbone → (N, classes) logits."""
        pooled = functional.adaptive_avg_pool2d(self.convolutions(maps), GRID)
        logits: Tensor = self.dense(pooled.flatten(1))
        return logits


class ProbeHead(nn.Module):
    """One layer on standardised features, like a probe, so that fine-tuning can start from a probe.

    Args:
        features: Number of features.
        classes: Number of classes.
        dropout: Proportion of the standardised features that are dropped in training.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, features: int, classes: int, *, dropout: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(features, classes)

    def forward(self, features: Tensor) -> Tensor:
        """(N, features) → (N, classes) logits."""
        logits: Tensor = self.linear(self.dropout((features - self.mean) * self.scale))
        return logits


def build_head(kind: HeadKind, backbone: Backbone, classes: int, *, hidden: int, dropout: float) -> nn.Module:
    """Return a head with random weights.

    Args:
        kind: `linear`, `hidden` and `probe` take the backbone's features, `branch` its last map.
        backbone: The backbone below the head.
        classes: Number of classes.
        hidden: Size of the hidden layer.
        dropout: Proportion of a hidden or dense layer's outputs that are dropped in training.
    """
    if kind == "branch":
        return Branch(backbone.channels, classes, dropout=dropout)
    if kind == "probe":
        return ProbeHead(backbone.feature_size, classes, dropout=dropout)
    if kind == "hidden":
        return nn.Sequential(
            nn.Linear(backbone.feature_size, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, classes),
        )
    return nn.Linear(backbone.feature_size, classes)
