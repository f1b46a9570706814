"""No network at all: the heads get the image itself.

With heads of the kind `branch` this is the network of the coursework on five attributes: nothing is shared, and every
attribute has its own convolutions.
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
        """Average over the cells of a grid, which is enough for a linear head."""
        return grid_means(maps, GRID)


def build() -> Pixels:
    """Build the network; it has no weights."""
    return Pixels()
