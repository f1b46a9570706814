"""Optimization: trained parameters, optimizer, learning rate over time, and running mean of the weights."""

import math

import torch
from torch import Tensor, nn

from trainer.config import ALL_STAGES, FitConfig
from trainer.finetune.model import MultiOutput


def build_optimizer(model: MultiOutput, config: FitConfig) -> torch.optim.Optimizer:
    """Return the optimizer with separate groups for backbone and heads, each with and without weight decay.

    Norms and biases (tensors of one dimension) are not decayed, because pulling them to zero regularises nothing. `peak`
    in each group is its highest learning rate. Parameters of frozen stages are left out.
    """
    trained = _trained_parameters(model, config)
    groups = []
    for module, rate in ((model.backbone, config.learning_rate), (model.heads, config.head_learning_rate)):
        parameters = [p for p in module.parameters() if id(p) in trained]
        for decay, chosen in (
            (config.weight_decay, [p for p in parameters if p.ndim > 1]),
            (0.0, [p for p in parameters if p.ndim <= 1]),
        ):
            if chosen:
                groups.append({"params": chosen, "lr": rate, "peak": rate, "weight_decay": decay})
    match config.optimizer:
        case "sgd":
            return torch.optim.SGD(groups, momentum=config.momentum)
        case "adam":
            return torch.optim.Adam(groups)
        case "rmsprop":
            return torch.optim.RMSprop(groups, momentum=config.momentum)
        case _:
            return torch.optim.AdamW(groups)


def _trained_parameters(model: MultiOutput, config: FitConfig) -> set[int]:
    frozen = {id(p) for module in frozen_modules(model, config) for p in module.parameters()}
    return {id(p) for p in model.parameters()} - frozen


def frozen_modules(model: MultiOutput, config: FitConfig) -> list[nn.Module]:
    """Return the parts of the backbone that are never trained."""
    if config.frozen_stages == ALL_STAGES:
        return [model.backbone]
    return list(model.backbone.stage_modules.values())[: config.frozen_stages]


def prepare_for_training(model: MultiOutput, config: FitConfig, *, epoch: int = 0) -> None:
    """Put a model into training mode, except for what is frozen in this epoch.

    A frozen part also keeps its batch-norm statistics. With `batch_norm` frozen, the whole backbone does: for batches of
    32 images the published means and variances are better than the batch's, and a step is a third faster.
    """
    model.train()
    frozen = [model.backbone] if epoch < config.head_epochs else frozen_modules(model, config)
    model.backbone.requires_grad_(True)
    for module in frozen:
        module.requires_grad_(False).eval()
    if config.batch_norm == "frozen":
        for module in model.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def rate_factor(config: FitConfig, *, step: int, steps: int) -> float:
    """Return the learning rate of a step as a fraction of its peak.

    Each of the two phases, heads alone and then everything, goes through the whole schedule.

    Args:
        config: The settings.
        step: Step of the run, from 0.
        steps: Steps of an epoch.
    """
    heads_alone = config.head_epochs * steps
    start, end = (0, heads_alone) if step < heads_alone else (heads_alone, config.epochs * steps)
    done, total = step - start, max(1, end - start)
    if config.schedule == "one_cycle":
        return _one_cycle(done / total)
    warmup = min(config.warmup_epochs * steps, total / 2)
    if done < warmup:
        return (done + 1) / (warmup + 1)
    if config.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (done - warmup) / max(1.0, total - warmup)))
    if config.schedule == "step":
        return config.step_factor ** (done // (config.step_epochs * steps))
    return 1.0


def _one_cycle(progress: float) -> float:
    """Smith and Topin, "Super-convergence" (2018): rise from 1/25 in the first 0.3 of the run, then fall to nearly 0."""
    if progress < 0.3:
        return 0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * progress / 0.3))
    return 1e-4 + (1 - 1e-4) * 0.5 * (1 + math.cos(math.pi * (progress - 0.3) / 0.7))


def set_learning_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set every group's learning rate to a fraction of its `peak`."""
    for group in optimizer.param_groups:
        group["lr"] = factor * group["peak"]


@torch.no_grad()
def update_average(averaged: nn.Module, model: nn.Module, *, decay: float, step: int) -> None:
    """Update the running mean of a model's weights.

    The decay is smaller in the first steps, so that the random heads of the beginning are soon forgotten.
    """
    kept = min(decay, (1 + step) / (10 + step)) if decay else 0.0
    for mean, now in zip(_state(averaged), _state(model), strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, 1 - kept)
        else:
            mean.copy_(now)


def _state(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]
