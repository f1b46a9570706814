"""What `trainer models` lists: every network by name with its size and its needs."""

from typing import Any

import torch

from trainer.networks import build, names, timm_models, torchvision_models

Row = dict[str, Any]
NEEDS = dict.fromkeys(("dlib_face", "efficientnet_lite0", "faces"), "nothing: its weights are installed")
MOST = 40
"""Networks of timm that are listed at once: each is built to be counted."""


def networks() -> list[Row]:
    """Return our own networks and torchvision's.

    Parameters are those of the backbone for ours (the CNNs of the selfie videos have 6,355,011 and 473,411 with one
    attribute of three classes), and those of the published classifier for torchvision's.
    """
    rows = []
    for name in names():
        with torch.device("meta"):
            backbone = build(name, pretrained=False)
        count = sum(p.numel() for p in backbone.parameters())
        needs = NEEDS.get(name, "training from nothing")
        rows.append(_row(name, count, backbone.input_size, backbone.smallest_side, needs))
    for name in torchvision_models.names():
        known = torchvision_models.facts(name)
        needs = f"weights fetched once: {known.url.rsplit('/', 1)[-1]}"
        rows.append(_row(name, known.parameters, known.input_size, known.smallest_side, needs))
    return rows


def found_in_timm(pattern: str) -> list[Row]:
    """Return timm's networks that fit a pattern, at most `MOST`; parameters are without the classifier."""
    rows = []
    for name in timm_models.names(pattern)[:MOST]:
        known = timm_models.facts(name)
        rows.append(_row(name, known.parameters, known.input_size, known.smallest_side, known.needs))
    return rows


def _row(name: str, parameters: int, side: int, smallest: int, needs: str) -> Row:
    return {
        "input_size": side,
        "name": name,
        "needs": needs,
        "parameters": parameters,
        "smallest_side": smallest,
    }
