"""The interface of all networks of the registry: maps, features for the heads, stages to freeze, and normalisation."""

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

Channels = tuple[float, float, float]
"""One value each for red, green and blue."""


class Backbone(nn.Module, ABC):
    """A network without its classifier.

    Other modules know a network by this interface only. Most networks are a sequence of stages: see `Stages`.

    Attributes:
        name: The name in the registry.
        channels: Channels of the last map.
        feature_size: Length of the feature vector that `pool` computes from the last map.
        input_size: Side in pixels of the images that the published weights were trained with.
        smallest_side: Side in pixels of the smallest usable image.
        fixed_side: Whether only images of `input_size` are usable.
        mean: Per RGB channel, on the scale 0..1; see `normalise`.
        std: Per RGB channel, on the scale 0..1.
    """

    name: str
    channels: int
    feature_size: int
    input_size: int
    smallest_side: int = 32
    fixed_side: bool = False
    mean: Channels
    std: Channels

    @property
    @abstractmethod
    def stage_modules(self) -> Mapping[str, nn.Module]:
        """The stages by name, from the image to the last map; each can be frozen separately."""

    @abstractmethod
    def map(self, images: Tensor) -> Tensor:
        """Return the last map.

        Args:
            images: (N, 3, H, W) float, normalised.

        Returns:
            (N, channels, height, width).
        """

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages from the image to the last map."""
        return tuple(self.stage_modules)

    @property
    def weights_sha256(self) -> str:
        """The sha256 of all tensors' names and current bytes; it identifies the features they produce."""
        digest = hashlib.sha256()
        for name, tensor in self.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def normalise(self, images: Tensor) -> Tensor:
        """Turn uint8 (N, 3, H, W) RGB images into the network's input, channels last in memory."""
        scaled = standardise(images.float(), self.mean, self.std)
        return scaled.contiguous(memory_format=torch.channels_last)

    def pool(self, maps: Tensor) -> Tensor:
        """Turn the last map into (N, feature_size) features: its mean over the area, unless a network overrides this."""
        return maps.mean(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Return the (N, feature_size) features of (N, 3, H, W) normalised images."""
        return self.pool(self.map(images))

    def forward_stages(self, images: Tensor) -> dict[str, Tensor]:
        """Return the output of every stage for (N, 3, H, W) normalised images, in the order of `stages`.

        A stage is left out if it returns several tensors, or if only its parts are called.
        """
        with self._outputs() as outputs:
            self.map(images)
        return {name: outputs[name] for name in self.stages if isinstance(outputs.get(name), Tensor)}

    @contextmanager
    def _outputs(self) -> Iterator[dict[str, Tensor]]:
        """Record the outputs of the stages while the network runs."""
        outputs: dict[str, Tensor] = {}

        def keep(name: str, output: Tensor) -> None:
            outputs[name] = output

        hooks = [
            module.register_forward_hook(lambda _m, _i, output, name=name: keep(name, output))
            for name, module in self.stage_modules.items()
        ]
        try:
            yield outputs
        finally:
            for hook in hooks:
                hook.remove()


class Stages(Backbone):
    """A network that is a sequence of stages.

    Args:
        layers: Stage name → module, from the image to the last map.
    """

    def __init__(self, layers: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(layers)

    @property
    def stage_modules(self) -> Mapping[str, nn.Module]:
        """The stages by name."""
        return dict(self.layers.items())

    def map(self, images: Tensor) -> Tensor:
        """Run the stages one after the other."""
        for layer in self.layers.values():
            images = layer(images)
        return images


def standardise(pixels: Tensor, mean: Channels, std: Channels) -> Tensor:
    """Scale (N, 3, H, W) floats from 0..255 to 0..1, subtract a mean per channel and divide by a deviation."""
    means, stds = (torch.tensor(values, device=pixels.device).view(1, 3, 1, 1) for values in (mean, std))
    return (pixels / 255 - means) / stds


def grid_means(maps: Tensor, grid: tuple[int, int]) -> Tensor:
    """Average (N, C, H, W) maps over the cells of a grid, and return (N, C * rows * columns)."""
    return functional.adaptive_avg_pool2d(maps, grid).flatten(1)


def tokens_to_map(tokens: Tensor) -> Tensor:
    """Turn the (N, side * side, C) patches of a transformer back into a (N, C, side, side) map."""
    side = math.isqrt(int(tokens.shape[1]))
    # Not len(tokens): a trace (trainer/networks/openvino_network) would keep the number of images.
    return tokens.transpose(1, 2).reshape(tokens.shape[0], -1, side, side)
