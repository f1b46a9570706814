"""The random changes that train images go through."""

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms import v2  # type: ignore[import-untyped]

from trainer.config import FitConfig
from trainer.seeds import mix

Augmentation = Callable[[Tensor], Tensor]
"""A uint8 (3, H, W) image into a changed one, at random."""


def augmentation(config: FitConfig) -> Augmentation:
    """Return the random changes that a label survives, for a uint8 (3, H, W) image.

    They are small: faces come aligned, and where a thing is tells much about what it is. The hue is left alone and the
    colours nearly so, since hair colour is one of the questions.
    """
    changes: Augmentation = v2.Compose(
        [
            v2.RandomHorizontalFlip(config.flip),
            v2.RandomAffine(
                degrees=config.rotation,
                translate=(config.shift, config.shift),
                scale=(1 - config.zoom, 1 + config.zoom),
                interpolation=v2.InterpolationMode.BILINEAR,
                fill=127.0,
            ),
            v2.ColorJitter(config.jitter, config.jitter, config.jitter),
        ]
    )
    return changes


def draw(transform: Augmentation, seed: int, epoch: int, index: int, image: Tensor) -> Tensor:
    """Apply a random transform whose outcome depends on nothing but seed, epoch and the image's index.

    So a resumed run sees the images that the killed one would have seen, whatever the number of workers.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(mix(seed, epoch, index))
        return transform(image)
