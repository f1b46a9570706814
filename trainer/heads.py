"""What answers one attribute: a linear layer, a hidden layer before it, or a branch of convolutions of its own."""

from torch import Tensor, nn
from torch.nn import functional

from trainer.config import HeadKind
from trainer.networks import Backbone

FILTERS, DENSE = (16, 32, 32), 128
"""Of a branch: channels of its convolutions, and the size of its dense layer."""
GRID = 4


class Branch(nn.Module):
    """Convolution, ReLU, batch normalisation, max pooling and dropout, three times over, then two dense layers.

    Args:
        channels: Of the backbone's last map.
        classes: Number of classes.
        dropout: Share of the dense layer's outputs that are left out while training; half of it after convolutions.
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


def build_head(kind: HeadKind, backbone: Backbone, classes: int, *, hidden: int, dropout: float) -> nn.Module:
    """Return a head with random weights.

    Args:
        kind: `linear` and `hidden` take the backbone's features, `branch` its last map.
        backbone: What it sits on.
        classes: Number of classes.
        hidden: Size of the hidden layer.
        dropout: Share of a hidden or dense layer's outputs that are left out while training.
    """
    if kind == "branch":
        return Branch(backbone.channels, classes, dropout=dropout)
    if kind == "hidden":
        return nn.Sequential(
            nn.Linear(backbone.feature_size, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, classes),
        )
    return nn.Linear(backbone.feature_size, classes)
