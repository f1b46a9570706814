"""The CNN of three students who recognised themselves in selfie videos: six valid convolutions, trained from random weights.

At 128 pixels with one attribute of three classes it has 6,355,011 parameters. The first dense layer of the original is
shared by all attributes here; the second is the linear head.
"""

from torch import Tensor, nn

from trainer.networks.backbone import Stages, grid_means

GRID, HIDDEN = (4, 4), 512
"""Cells over which the last map is averaged (at 128 pixels the map has exactly these), and size of the dense layer."""


def _convolution(inputs: int, outputs: int, *after: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3), nn.ReLU(inplace=True), *after)


class S0Cnn(Stages):
    """Valid 3×3 convolutions of 32 to 512 channels, with pooling and dropout between them, and a dense layer."""

    name = "s0_cnn"
    channels = 512
    feature_size = HIDDEN
    input_size = 128
    smallest_side = 80
    mean = (0.0, 0.0, 0.0)
    std = (1.0, 1.0, 1.0)

    def __init__(self) -> None:
        super().__init__(
            {
                "conv1": _convolution(3, 32),
                "conv2": _convolution(32, 64, nn.MaxPool2d(2), nn.Dropout(0.25)),
                "conv3": _convolution(64, 128, nn.MaxPool2d(2)),
                "conv4": _convolution(128, 256, nn.MaxPool2d(2), nn.Dropout(0.25)),
                "conv5": _convolution(256, 256, nn.MaxPool2d(2), nn.Dropout(0.25)),
                "conv6": _convolution(256, 512),
            }
        )
        self.dense = nn.Sequential(nn.Linear(512 * GRID[0] * GRID[1], HIDDEN), nn.ReLU(inplace=True))

    def pool(self, maps: Tensor) -> Tensor:
        """Flatten the map and apply the dense layer."""
        features: Tensor = self.dense(grid_means(maps, GRID))
        return features


def build() -> S0Cnn:
    """Build the network with random weights (Glorot's, as in the original)."""
    network = S0Cnn()
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    return network
