"""The classifiers of torchvision under its own names: vgg16, resnet18, googlenet, mobilenet_v3_small, and others.

A model is split into its stages, up to the last map; its pooling and classifier are left out. Published weights are
downloaded on first use, see `trainer.networks.published`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision import models  # type: ignore[import-untyped]

from trainer.networks.backbone import Stages, tokens_to_map
from trainer.networks.published import fetch, load_into

HEADS = {"avgpool", "dropout", "fc", "classifier", "head", "heads", "aux1", "aux2", "AuxLogits", "flatten"}
CONTAINERS = {"features", "trunk_output", "blocks", "layers"}
"""Children that contain the stages."""
WITH_AUXILIARY = {"googlenet", "inception_v3"}
"""Their weights need pixels in -1..1, not ImageNet's means: torchvision converts inside the model, this module does not."""
FIXED = ("vit_", "maxvit_")


@dataclass(frozen=True)
class Facts:
    """Facts about a model that do not need its weights.

    Attributes:
        parameters: Their number with the ImageNet classifier.
        input_size: Side in pixels of the images that its weights were trained with.
        smallest_side: Side in pixels of the smallest usable image.
        url: Address of the published weights.
    """

    parameters: int
    input_size: int
    smallest_side: int
    url: str


def names() -> list[str]:
    """Return the names of torchvision's image classifiers."""
    return sorted(models.list_models(module=models))


def facts(name: str) -> Facts:
    """Return the facts about a model."""
    weights = models.get_model_weights(name).DEFAULT
    side = weights.transforms().crop_size[0]
    smallest = side if name.startswith(FIXED) else max(weights.meta["min_size"])
    return Facts(weights.meta["num_params"], side, smallest, weights.url)


class TorchvisionBackbone(Stages):
    """A classifier of torchvision up to its last map."""

    mean = (0.485, 0.456, 0.406)
    std = (0.229, 0.224, 0.225)

    def __init__(self, name: str, model: nn.Module) -> None:
        about = facts(name)
        super().__init__(_stages(name, model))
        self.name = name
        self.input_size = about.input_size
        self.smallest_side = about.smallest_side
        self.fixed_side = name.startswith(FIXED)
        if name in WITH_AUXILIARY:
            self.mean = self.std = (0.5, 0.5, 0.5)
        with torch.no_grad():
            shape = self.eval().map(torch.zeros(1, 3, self.smallest_side, self.smallest_side)).shape
        self.channels = self.feature_size = shape[1]


def build(name: str, *, pretrained: bool, weights: Path | None = None) -> TorchvisionBackbone:
    """Build a model of torchvision.

    Args:
        name: One of `names()`.
        pretrained: Load the published weights.
        weights: Their file; None to find or download it.

    Raises:
        WeightsError: The weights are not available, or the file belongs to another network.
    """
    extra: dict[str, Any] = {"init_weights": not pretrained} if name in WITH_AUXILIARY else {}
    if name.startswith("vit_"):
        # One position per patch: the published weights of vit_h_14 have those of 518 pixels, not of 224.
        extra["image_size"] = facts(name).input_size
    model: nn.Module = models.get_model(name, weights=None, **extra)
    if pretrained:
        load_into(model, weights or fetch(name, facts(name).url), name, rename=_current_name)
    return TorchvisionBackbone(name, model)


def _current_name(key: str) -> str:
    """Return today's name of a tensor: the published DenseNets have `norm.1` for `norm1`."""
    return re.sub(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)", r"\1\2", key)


def _stages(name: str, model: nn.Module) -> dict[str, nn.Module]:
    """Group the modules of a model into stages; a stage ends with a block of layers or with a pooling."""
    if name.startswith("vit_"):
        return _transformer(model)
    stages: dict[str, list[nn.Module]] = {}
    current: list[nn.Module] = []
    open_ended = False
    for part, module in _parts(model):
        composite = any(True for _ in module.children())
        learns = any(True for _ in module.parameters())
        if not current or (learns and (composite or not open_ended)):
            current = stages.setdefault(f"stage_{part}" if part.isdigit() else part, [])
        current.append(module)
        open_ended = not composite and not isinstance(module, nn.MaxPool2d) and (open_ended or learns)
    if name.startswith("densenet"):
        current.append(nn.ReLU())
    return {part: nn.Sequential(*modules) for part, modules in stages.items()}


def _parts(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for part, module in model.named_children():
        if part in CONTAINERS:
            yield from module.named_children()
        elif part not in HEADS:
            yield part, module


class _Patches(nn.Module):
    """The image as a sequence of patches, with their positions."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.convolution = model.conv_proj
        self.class_token = model.class_token
        self.places = model.encoder.pos_embedding

    def forward(self, images: Tensor) -> Tensor:
        patches = self.convolution(images).flatten(2).transpose(1, 2)
        first = self.class_token.expand(patches.shape[0], -1, -1)
        rows: Tensor = torch.cat([first, patches], dim=1) + self.places
        return rows


class _Unrow(nn.Module):
    """Turns the sequence of patches back into a map."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, rows: Tensor) -> Tensor:
        return tokens_to_map(self.norm(rows)[:, 1:])


def _transformer(model: Any) -> dict[str, nn.Module]:
    layers = dict(model.encoder.layers.named_children())
    return {"patches": _Patches(model), **layers, "norm": _Unrow(model.encoder.ln)}
