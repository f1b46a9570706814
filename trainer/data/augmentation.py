"""Random changes of train images."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchvision.transforms import v2  # type: ignore[import-untyped]

from trainer.config import FitConfig
from trainer.runtime.seeds import mix

Augmentation = Callable[[Tensor], Tensor]
"""Turns a uint8 (3, H, W) image into a randomly changed one."""


def augmentation(config: FitConfig) -> Augmentation:
    """Return random changes that do not affect the labels, for a uint8 (3, H, W) image.

    By default they are small: faces are aligned, so the position of a thing says much about what it is. The hue is
    unchanged and the other colour changes are slight, because hair colour is one of the attributes.
    """
    changes: list[nn.Module] = [v2.RandomHorizontalFlip(config.flip)]
    if config.random_crop:
        side = config.image_size
        changes.append(v2.RandomResizedCrop(side, scale=(config.random_crop, 1.0), antialias=True))
    changes += _moves(config)
    if config.jitter:
        changes.append(v2.ColorJitter(config.jitter, config.jitter, config.jitter))
    if config.blur_chance:
        changes.append(v2.RandomApply([v2.GaussianBlur(5, (0.1, 1.5))], config.blur_chance))
    composed: Augmentation = v2.Compose(changes)
    return composed


def _moves(config: FitConfig) -> list[nn.Module]:
    """Return rotation, shift, zoom and shear as one step; the uncovered area is gray or repeats the edge."""
    if not (config.rotation or config.shift or config.zoom or config.shear):
        return []
    side = config.image_size
    margin = 0 if config.fill == "gray" else math.ceil(side * (config.shift + config.zoom + 0.25))
    shift = config.shift * side / (side + 2 * margin)  # relative to the image with its margin
    affine = v2.RandomAffine(
        degrees=config.rotation,
        translate=(shift, shift) if shift else None,
        scale=(1 - config.zoom, 1 + config.zoom),
        shear=config.shear or None,
        interpolation=v2.InterpolationMode.BILINEAR,
        fill=127.0,
    )
    if not margin:
        return [affine]
    return [v2.Pad(margin, padding_mode="edge"), affine, v2.CenterCrop(side)]


def draw(transform: Augmentation, seed: int, epoch: int, index: int, image: Tensor) -> Tensor:
    """Apply a random transform whose result depends only on seed, epoch and the image's index.

    A resumed run therefore sees the same images as an uninterrupted one, with any number of workers.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(mix(seed, epoch, index))
        return transform(image)
