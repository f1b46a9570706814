"""dlib's face network: a ResNet of 29 convolutions that three million faces have taught to tell people apart.

Its training is described in King, "High quality face recognition with deep metric learning" (dlib.net, 2017); the
weights are in the public domain and installed with the PyPI package `face-recognition-models`, so nothing is fetched.
What it learned serves other questions about faces too: with 1,000 labelled CelebA faces it tells glasses and gender
better than a network that was taught objects, and hair colour worse (docs/lab/experiments.md).

dlib's file is read here as what it is, a sequence of numbers: no code of the package is run, and dlib is not needed.
Convolutions with a stride have no padding, as there; the last map is the one before dlib's 128 numbers.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.networks.backbone import Stages
from trainer.networks.installed_weights import installed_weights
from trainer.runtime.errors import WeightsError

PACKAGE, FILE = "face_recognition_models", "dlib_face_recognition_resnet_model_v1.dat"
STAGES = [(32, 32, 3), (32, 64, 4), (64, 128, 3), (128, 256, 3), (256, 256, 1)]
"""Channels in, channels out, blocks; all but the first stage halve the side."""


class Affine(nn.Module):
    """A factor and a summand per channel: what batch normalisation is once training has ended."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Tensor) -> Tensor:
        """(N, channels, H, W) → the same shape."""
        return maps * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


class Block(nn.Module):
    """Two 3×3 convolutions beside a shortcut, which is averaged down and filled up with zeros where the size changes."""

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
        weights: Their file; that of the installed package without it.

    Raises:
        WeightsError: The package with the weights is not installed, or its file is not what it should be.
    """
    network = DlibFace()
    if not pretrained:
        return network
    content = (weights or weights_file()).read_bytes()
    start = 0
    with torch.no_grad():
        for parameters in _layers(network):
            sizes = [parameter.numel() for parameter in parameters]
            values, start = _next_tensor(content, start, sum(sizes))
            for parameter, part in zip(parameters, torch.split(values, sizes), strict=True):
                parameter.copy_(part.view_as(parameter))
    return network


def weights_file() -> Path:
    """Find the file with the published weights without running any code of the package that carries it."""
    return installed_weights(PACKAGE, FILE, DlibFace.name)


def _layers(network: DlibFace) -> Iterator[tuple[Tensor, Tensor]]:
    """The weight and bias of every layer from the image on: in the file one tensor holds both."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | Affine):
            assert module.bias is not None
            yield module.weight, module.bias


def _next_tensor(content: bytes, start: int, size: int) -> tuple[Tensor, int]:
    """Find the next tensor of so many numbers, and where the file goes on after it.

    dlib writes a tensor as the number 2, its four sizes, and its little-endian floats. A number is a byte that says how
    many bytes it has, and these.
    """
    head = b"".join(_number(n) for n in (2, size, 1, 1, 1))
    found = content.find(head, start)
    begin, end = found + len(head), found + len(head) + 4 * size
    if found < 0 or end > len(content):
        raise WeightsError(
            f"The weights of dlib_face cannot be used: a tensor of {size} numbers is missing.",
            "Nothing was changed.",
            "Run: pip install --force-reinstall face-recognition-models",
        )
    return torch.from_numpy(np.frombuffer(content[begin:end], "<f4").astype(np.float32)), end


def _number(value: int) -> bytes:
    length = math.ceil(value.bit_length() / 8)
    return bytes([length]) + value.to_bytes(length, "little")
