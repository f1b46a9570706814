"""Heads that start where a probe ends: first what frozen features can tell, then fine-tuning from there.

Random heads send noise through a pretrained backbone in their first steps and spoil what it knows; heads that fit it
already do not (Kumar et al., "Fine-tuning can distort pretrained features and underperform out-of-distribution", ICLR 2022).
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from trainer.data.dataset import SnapshotImages, plain_batches
from trainer.finetune.heads import ProbeHead
from trainer.finetune.model import MultiOutput
from trainer.probe.linear_heads import BASIS, fit_basis, fit_heads

BATCH = 64


def start_from_probe(
    model: MultiOutput,
    images: SnapshotImages,
    seed: int,
    *,
    workers: int | None,
    progress: Callable[[int], None],
) -> None:
    """Train linear heads on the features of the train images as they are, and give them to the model.

    Args:
        model: With heads of the kind `probe`; the backbone stays as it is.
        images: The labelled train images.
        seed: Of the sample whose directions are used, and of the folds.
        workers: Processes that decode images.
        progress: Called with the number of images seen.
    """
    order = np.random.default_rng(seed).permutation(len(images)).tolist()
    basis, waiting, points = None, [], torch.empty(0)
    for features in _features(model, images, order, workers):
        waiting.append(features)
        seen = len(points) + sum(map(len, waiting))
        progress(seen)
        if seen >= min(BASIS, len(order)):
            basis = basis or fit_basis(torch.cat(waiting))
            points = torch.cat(
                [points.view(-1, basis.directions.shape[1]), basis.project(torch.cat(waiting))]
            )
            waiting = []
    assert basis is not None, "there is at least one train image"
    labels = {name: images.labels[name][order] for name in model.outputs}
    groups = images.snapshot.groups[images.indices][order]
    heads = fit_heads(points, labels, groups, model.outputs, seed)
    for name, module in zip(model.outputs, model.heads, strict=True):
        head = heads[name].turned(basis.directions)
        give(module, basis.mean, basis.scale, head.weight / head.temperature, head.bias / head.temperature)


def _features(
    model: MultiOutput, images: SnapshotImages, order: list[int], workers: int | None
) -> Iterator[Tensor]:
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    device = next(model.parameters()).device
    model.eval()
    with torch.inference_mode():
        for _, batch in plain_batches(images, batches, workers=workers):
            yield model.backbone(model.prepare(batch.images.to(device))).float().cpu()


@torch.no_grad()
def give(module: nn.Module, mean: Tensor, scale: Tensor, weight: Tensor, bias: Tensor) -> None:
    """Make a head of the kind `probe` answer as a probe's head: its own features have a deviation of about 1.

    Args:
        module: The head.
        mean: (features,) subtracted.
        scale: (features,) by which they are multiplied then.
        weight: (features, classes) for such features.
        bias: (classes,).
    """
    assert isinstance(module, ProbeHead)
    stretch = len(mean) ** 0.5
    module.mean.copy_(mean)
    module.scale.copy_(scale * stretch)
    module.linear.weight.copy_(weight.T / stretch)
    module.linear.bias.copy_(bias)
