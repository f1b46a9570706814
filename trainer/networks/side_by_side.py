"""A network on several views of an image that lie side by side in one picture."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from trainer.networks.backbone import Backbone


class SideBySide(Backbone):
    """Runs a backbone on each of several square views; the features are those of the views, one after the other.

    The picture is as high as the largest view. A view that is lower begins at the upper edge.

    Args:
        backbone: The network; it sees every view.
        sides: Sides of the views in pixels, from left to right.
    """

    def __init__(self, backbone: Backbone, sides: Sequence[int]) -> None:
        super().__init__()
        self.backbone = backbone
        self.sides = tuple(sides)
        self.name = backbone.name
        self.channels = backbone.channels
        self.feature_size = len(self.sides) * backbone.feature_size
        self.input_size = max(self.sides)
        self.smallest_side = backbone.smallest_side
        self.mean, self.std = backbone.mean, backbone.std

    @property
    def stage_modules(self) -> Mapping[str, nn.Module]:
        """The stages of the backbone."""
        return self.backbone.stage_modules

    def map(self, images: Tensor) -> Tensor:
        """Return the last maps of the views side by side; they must be equally high, as those of `faces` are."""
        return torch.cat([self.backbone.map(view) for view in self._views(images)], dim=3)

    def pool(self, maps: Tensor) -> Tensor:
        """Return the features of each view, one after the other."""
        return torch.cat([self.backbone.pool(part) for part in maps.chunk(len(self.sides), dim=3)], dim=1)

    def _views(self, images: Tensor) -> list[Tensor]:
        columns = torch.split(images, list(self.sides), dim=3)
        return [column[:, :, :side] for column, side in zip(columns, self.sides, strict=True)]
