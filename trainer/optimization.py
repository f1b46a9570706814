"""How the weights move: parameter groups, the learning rate over time, and their running mean."""

import math

import torch
from torch import Tensor, nn

from trainer.config import FitConfig
from trainer.multi_output import MultiOutput


def adamw(model: MultiOutput, config: FitConfig) -> torch.optim.AdamW:
    """Return AdamW with the backbone's learning rate and the heads', each with and without weight decay.

    Norms and biases (tensors of one dimension) are not decayed: pulling them to zero regularises nothing. `peak` in
    each group is its highest learning rate.
    """
    groups = []
    for module, rate in ((model.backbone, config.learning_rate), (model.heads, config.head_learning_rate)):
        parameters = [p for p in module.parameters() if p.requires_grad]
        for decay, chosen in (
            (config.weight_decay, [p for p in parameters if p.ndim > 1]),
            (0.0, [p for p in parameters if p.ndim <= 1]),
        ):
            if chosen:
                groups.append({"params": chosen, "lr": rate, "peak": rate, "weight_decay": decay})
    return torch.optim.AdamW(groups)


def set_learning_rate(optimizer: torch.optim.Optimizer, *, step: int, warmup: float, total: int) -> None:
    """Set every group's learning rate for a step: linear up to its `peak`, then half a cosine down to zero."""
    if step < warmup:
        factor = (step + 1) / (warmup + 1)
    else:
        factor = 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1.0, total - warmup)))
    for group in optimizer.param_groups:
        group["lr"] = factor * group["peak"]


@torch.no_grad()
def update_average(averaged: nn.Module, model: nn.Module, *, decay: float, step: int) -> None:
    """Move the running mean of a model's weights a little towards the weights of this step.

    The first steps count more, so that the random heads of the beginning are soon forgotten.
    """
    share = min(decay, (1 + step) / (10 + step)) if decay else 0.0
    for mean, now in zip(_state(averaged), _state(model), strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, 1 - share)
        else:
            mean.copy_(now)


def _state(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def prepare_for_training(model: MultiOutput, config: FitConfig) -> None:
    """Put a model into training mode but for its frozen stages and, if so configured, its batch normalisation.

    With a batch of 32 images the published means and variances are better than the batch's, and keeping them is
    faster by a third.
    """
    model.train()
    frozen = [model.backbone.layers[name] for name in model.backbone.stages[: config.frozen_stages]]
    for module in frozen:
        module.requires_grad_(False).eval()
    if config.batch_norm == "frozen":
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
