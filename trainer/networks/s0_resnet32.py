"""The ResNet of the same three students: the 32-layer CIFAR network of He et al., "Deep Residual Learning" (2015).

Convolutions have a bias, and where the size changes, a 1×1 convolution without batch normalisation projects the shortcut.
With one attribute of three classes it has 473,411 parameters: 471,139 trained ones and 2,272 statistics of batch
normalisation. The head gets 64 channels averaged over 20 cells.
"""

from torch import Tensor, nn
from torch.nn import functional

from trainer.networks.backbone import Stages, grid_means

BLOCKS, WIDTHS = 5, (16, 32, 64)
GRID = (4, 5)


class Block(nn.Module):
    """Two 3×3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.norm1 = nn.BatchNorm2d(outputs, eps=1e-3)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.norm2 = nn.BatchNorm2d(outputs, eps=1e-3)
        self.project = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride))."""
        inner = functional.relu(self.norm1(self.conv1(images)))
        return functional.relu(self.norm2(self.conv2(inner)) + self.project(images))


class S0ResNet32(Stages):
    """A stem and three stages of five blocks."""

    name = "s0_resnet32"
    channels = WIDTHS[-1]
    feature_size = WIDTHS[-1] * GRID[0] * GRID[1]
    input_size = 128
    mean = (0.0, 0.0, 0.0)
    std = (1.0, 1.0, 1.0)

    def __init__(self) -> None:
        stem = nn.Sequential(
            nn.Conv2d(3, WIDTHS[0], 3, 1, 1), nn.BatchNorm2d(WIDTHS[0], eps=1e-3), nn.ReLU(inplace=True)
        )
        layers: dict[str, nn.Module] = {"stem": stem}
        inputs = WIDTHS[0]
        for number, width in enumerate(WIDTHS, start=1):
            first = Block(inputs, width, 1 if width == inputs else 2)
            layers[f"stage{number}"] = nn.Sequential(
                first, *(Block(width, width, 1) for _ in range(BLOCKS - 1))
            )
            inputs = width
        super().__init__(layers)

    def pool(self, maps: Tensor) -> Tensor:
        """Average over the 20 cells of a grid."""
        return grid_means(maps, GRID)


def build() -> S0ResNet32:
    """Build the network with random weights (He's, as in the original)."""
    network = S0ResNet32()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    return network
