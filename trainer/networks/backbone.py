"""What every network of the registry offers: pooled features, the maps of every stage, and how to feed it."""

import hashlib
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn


class Backbone(nn.Module):
    """A convolutional network without its classifier, as a sequence of named stages.

    A family subclasses it, fills `layers` and sets the class attributes; nothing else needs to be known about it.

    Args:
        layers: The stages from the image to the last map, each a module by its name.

    Attributes:
        name: The name in the registry.
        feature_size: Channels of the last map, which is the length of the pooled feature vector.
        input_size: Side in pixels of the images that the published weights were trained with.
        mean: Per RGB channel, on the 0..1 scale; see `normalise`.
        std: Per RGB channel, on the 0..1 scale.
    """

    name: ClassVar[str]
    feature_size: ClassVar[int]
    input_size: ClassVar[int]
    mean: ClassVar[tuple[float, float, float]]
    std: ClassVar[tuple[float, float, float]]

    def __init__(self, layers: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(layers)

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages from the image to the last map; `layers[name]` can be frozen on its own."""
        return tuple(self.layers)

    @property
    def weights_sha256(self) -> str:
        """sha256 over every tensor's name and bytes as they are now: it names the features that they give."""
        digest = hashlib.sha256()
        for name, tensor in self.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def normalise(self, images: Tensor) -> Tensor:
        """Turn uint8 (N, 3, H, W) RGB images into the floats that the network wants, channels last in memory."""
        mean = torch.tensor(self.mean, device=images.device).view(1, 3, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(1, 3, 1, 1)
        scaled = (images.float() / 255 - mean) / std
        return scaled.contiguous(memory_format=torch.channels_last)

    def forward_stages(self, images: Tensor) -> list[Tensor]:
        """Return the map of every stage.

        Args:
            images: (N, 3, H, W) float, of `normalise`.

        Returns:
            One (N, channels, height, width) tensor per name in `stages`, the last one with `feature_size` channels.
        """
        maps = []
        for layer in self.layers.values():
            images = layer(images)
            maps.append(images)
        return maps

    def forward(self, images: Tensor) -> Tensor:
        """Return the last map, averaged over its area.

        Args:
            images: (N, 3, H, W) float, of `normalise`.

        Returns:
            (N, feature_size) features.
        """
        for layer in self.layers.values():
            images = layer(images)
        return images.mean(dim=(2, 3))
