"""dlib's face network: a ResNet of 29 convolutions that was trained on three million faces to distinguish people.

King, "High quality face recognition with deep metric learning" (dlib.net, 2017) describes its training. The weights are in
the public domain and come with the PyPI package `face-recognition-models`, so nothing is downloaded. The network is useful
for other questions about faces too: with 1,000 labelled CelebA faces it recognises glasses and gender better than a
network trained on objects, and hair colour worse (docs/lab/experiments.md).

No code of the package runs, and dlib is not needed (trainer.weights.dlib_file). As in dlib, convolutions with a stride
have no padding. The last map is the one before dlib's 128 numbers.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.networks.backbone import Stages
from trainer.weights.dlib_file import next_tensor
from trainer.weights.installed import installed_weights

PACKAGE, FILE = "face_recognition_models", "dlib_face_recognition_resnet_model_v1.dat"
STAGES = [(32, 32, 3), (32, 64, 4), (64, 128, 3), (128, 256, 3), (256, 256, 1)]
"""Input channels, output channels, number of blocks; every stage but the first halves the side."""


class Affine(nn.Module):
    """A factor and a summand per channel: batch normalisation after the end of training."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Tensor) -> Tensor:
        """Return a map of the same shape, (N, channels, H, W)."""
        return maps * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


class Block(nn.Module):
    """Two 3×3 convolutions beside a shortcut. If the size changes, the shortcut is averaged down and padded with zeros."""

    def __init__(self, inputs: int, outputs: int, *, down: bool) -> None:
        super().__init__()
        self.down = down
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=2 if down else 1, padding=0 if down else 1)
        self.affine1 = Affine(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.affine2 = Affine(outputs)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H, W), or half the side."""
        inner = self.affine2(self.conv2(functional.relu(self.affine1(self.conv1(maps)))))
        if self.down:
            maps = functional.avg_pool2d(maps, 2)
            maps = functional.pad(maps, (0, 0, 0, 0, 0, inner.shape[1] - maps.shape[1]))
            inner = functional.pad(
                inner, (0, maps.shape[3] - inner.shape[3], 0, maps.shape[2] - inner.shape[2])
            )
        return functional.relu(maps + inner)


class DlibFace(Stages):
    """The network up to its last map: a stem and five stages of 14 blocks in all."""

    name = "dlib_face"
    channels = STAGES[-1][1]
    feature_size = STAGES[-1][1]
    input_size = 150
    smallest_side = 103
    mean = (122.782 / 255, 117.001 / 255, 104.298 / 255)
    std = (256 / 255, 256 / 255, 256 / 255)

    def __init__(self) -> None:
        stem = nn.Sequential(
            nn.Conv2d(3, STAGES[0][0], 7, stride=2),
            Affine(STAGES[0][0]),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2),
        )
        layers: dict[str, nn.Module] = {"stem": stem}
        for number, (inputs, outputs, count) in enumerate(STAGES, start=1):
            first = Block(inputs, outputs, down=number > 1)
            rest = (Block(outputs, outputs, down=False) for _ in range(count - 1))
            layers[f"stage{number}"] = nn.Sequential(first, *rest)
        super().__init__(layers)


def build(*, pretrained: bool, weights: Path | None = None) -> DlibFace:
    """Build the network, with its published weights or with random ones from torch's generator.

    Args:
        pretrained: Load the published weights.
        weights: Their file; None for that of the installed package.

    Raises:
        WeightsError: The package with the weights is not installed, or its file is damaged.
    """
    network = DlibFace()
    if not pretrained:
        return network
    content = (weights or weights_file()).read_bytes()
    start = 0
    with torch.no_grad():
        for parameters in _layers(network):
            sizes = [parameter.numel() for parameter in parameters]
            values, start = next_tensor(content, start, sum(sizes))
            parts = torch.split(torch.from_numpy(values), sizes)
            for parameter, part in zip(parameters, parts, strict=True):
                parameter.copy_(part.view_as(parameter))
    return network


def weights_file() -> Path:
    """Return the file with the published weights; no code of the package runs."""
    return installed_weights(PACKAGE, FILE, DlibFace.name)


def _layers(network: DlibFace) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield weight and bias of every layer from the image on; in the file one tensor holds both."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | Affine):
            assert module.bias is not None
            yield module.weight, module.bias
