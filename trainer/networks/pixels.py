"""No network at all: the heads see the image itself.

With heads of the kind `branch` this is the network of the coursework of five attributes: nothing is shared, and every
attribute has convolutions of its own.
"""

from torch import Tensor, nn

from trainer.networks.backbone import Stages, grid_means

GRID = (8, 8)


class Pixels(Stages):
    """The image, unchanged."""

    name = "pixels"
    channels = 3
    feature_size = 3 * GRID[0] * GRID[1]
    input_size = 200
    mean = (0.0, 0.0, 0.0)
    std = (1.0, 1.0, 1.0)

    def __init__(self) -> None:
        super().__init__({"image": nn.Identity()})

    def pool(self, maps: Tensor) -> Tensor:
        """Average over the cells of a grid; a linear head needs no more than an idea of the image."""
        return grid_means(maps, GRID)


def build() -> Pixels:
    """Build it; it has no weights."""
    return Pixels()
