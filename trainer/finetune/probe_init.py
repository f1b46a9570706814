"""Start the heads from a probe: first train linear heads on frozen features, then fine-tune everything from there.

The first steps of random heads send noise through a pretrained backbone and damage it; heads that already fit the
backbone do not (Kumar et al., "Fine-tuning can distort pretrained features and underperform out-of-distribution", ICLR
2022).
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
    """Train linear heads on the current features of the train images, and copy them into the model.

    Args:
        model: With heads of the kind `probe`; the backbone does not change.
        images: The labelled train images.
        seed: Seed of the sample for the directions, and of the folds.
        workers: Processes that decode images.
        progress: Called with the number of images done.
    """
    order = np.random.default_rng(seed).permutation(len(images)).tolist()
    basis, waiting, embeddings = None, [], torch.empty(0)
    for features in _features(model, images, order, workers):
        waiting.append(features)
        done = len(embeddings) + sum(map(len, waiting))
        progress(done)
        if done >= min(BASIS, len(order)):
            basis = basis or fit_basis(torch.cat(waiting))
            embeddings = torch.cat(
                [embeddings.view(-1, basis.directions.shape[1]), basis.project(torch.cat(waiting))]
            )
            waiting = []
    assert basis is not None, "there is at least one train image"
    labels = {name: images.labels[name][order] for name in model.outputs}
    groups = images.snapshot.groups[images.indices][order]
    heads = fit_heads(embeddings, labels, groups, model.outputs, seed)
    for name, module in zip(model.outputs, model.heads, strict=True):
        head = heads[name].rotated(basis.directions)
        copy_head(
            module, basis.mean, basis.scale, head.weight / head.temperature, head.bias / head.temperature
        )


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
def copy_head(module: nn.Module, mean: Tensor, scale: Tensor, weight: Tensor, bias: Tensor) -> None:
    """Copy a probe's head into a module of the kind `probe`, whose standardised features have a deviation of about 1.

    Args:
        module: The head of the model.
        mean: (features,) subtracted from the features.
        scale: (features,) factor applied afterwards.
        weight: (features, classes) weights for features scaled this way.
        bias: (classes,) biases.
    """
    assert isinstance(module, ProbeHead)
    stretch = len(mean) ** 0.5
    module.mean.copy_(mean)
    module.scale.copy_(scale * stretch)
    module.linear.weight.copy_(weight.T / stretch)
    module.linear.bias.copy_(bias)
