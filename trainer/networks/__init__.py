"""The registry of networks: it builds the backbone of a given name.

Each network of this project has a module and a line in `BUILDERS`. Other names are looked up in torchvision, then in timm;
`timm:NAME` is looked up in timm only.
"""

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

import torch

from trainer.networks import (
    dlib_face,
    efficientnet_lite0,
    efficientnet_lite2,
    faces,
    pixels,
    s0_cnn,
    s0_resnet32,
)
from trainer.networks.backbone import Backbone, Stages
from trainer.runtime.errors import ChoiceError

__all__ = ["Backbone", "Stages", "build", "names"]

Builder = Callable[[bool, Path | None], Backbone]
"""Arguments: whether to load the published weights, and their file or None to find it. Returns the network."""


def _unpublished(make: Callable[[], Backbone], name: str) -> Builder:
    def build_it(pretrained: bool, weights: Path | None) -> Backbone:
        if pretrained or weights:
            raise ChoiceError(
                f"There are no published weights of {name}.",
                "Nothing was changed.",
                "Set pretrained to false.",
            )
        return make()

    return build_it


BUILDERS: dict[str, Builder] = {
    "dlib_face": lambda pretrained, weights: dlib_face.build(pretrained=pretrained, weights=weights),
    "efficientnet_lite0": lambda pretrained, weights: efficientnet_lite0.build(
        pretrained=pretrained, weights=weights
    ),
    "efficientnet_lite2": lambda pretrained, weights: efficientnet_lite2.build(
        pretrained=pretrained, weights=weights
    ),
    "faces": lambda pretrained, weights: faces.build(pretrained=pretrained, weights=weights),
    "pixels": _unpublished(pixels.build, "pixels"),
    "s0_cnn": _unpublished(s0_cnn.build, "s0_cnn"),
    "s0_resnet32": _unpublished(s0_resnet32.build, "s0_resnet32"),
}


def names() -> list[str]:
    """Return the names of the networks of this project, sorted; torchvision's and timm's are available too."""
    return sorted(BUILDERS)


def build(name: str, *, pretrained: bool, seed: int = 0, weights: Path | None = None) -> Backbone:
    """Build a backbone in evaluation mode.

    Args:
        name: One of `names()`, a classifier of torchvision, or one of timm.
        pretrained: Load the published weights; otherwise they are random.
        seed: Seed of the random weights. Torch's global generator is not affected.
        weights: The file with the published weights; None to find it on this machine or download it.

    Raises:
        ChoiceError: There is no network of that name.
        WeightsError: The published weights are not available, or the file belongs to another network.
    """
    builder = _builder(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return builder(pretrained, weights).eval()


def _builder(name: str) -> Builder:
    if name in BUILDERS:
        return BUILDERS[name]
    from trainer.networks import timm_models, torchvision_models  # noqa: PLC0415 - takes seconds, and few need them

    bare = name.removeprefix("timm:")
    if bare == name and name in torchvision_models.names():
        return lambda pretrained, weights: torchvision_models.build(
            name, pretrained=pretrained, weights=weights
        )
    if timm_models.knows(bare):
        return lambda pretrained, weights: timm_models.build(bare, pretrained=pretrained, weights=weights)
    available = sorted({*names(), *torchvision_models.names(), *timm_models.names()})
    similar = [other for other in available if other.startswith(name)] or get_close_matches(name, available)
    raise ChoiceError(
        f"There is no network called {name!r}.",
        "Nothing was changed.",
        f"Choose one of: {', '.join(similar[:8] or names())}; `trainer models` lists more.",
    )
