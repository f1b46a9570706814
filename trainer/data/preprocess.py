"""Turn uint8 images into a network's input: the usual ways to scale pixels, optionally after a blur."""

import torch
from torch import Tensor
from torch.nn import functional

from trainer.config import Mode
from trainer.networks import Backbone
from trainer.networks.backbone import standardise

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
TINY = 1e-6


class Preprocess:
    """Scales pixels; it has no weights and is the same for training and for use.

    Args:
        backbone: Provides the means and deviations for the mode `network`.
        mode: `network`: as the published weights require. `rescale`: to 0..1. `samplewise`: minus the image's own mean,
            divided by its own standard deviation. `samplewise_rescale`: the same after `rescale`, which differs only in
            images of nearly one colour. `imagenet`: minus ImageNet's means, divided by its deviations.
        blur: Standard deviation in pixels of a Gaussian blur before the scaling; 0 for none.
    """

    def __init__(self, backbone: Backbone, mode: Mode = "network", *, blur: float = 0.0) -> None:
        self.mean, self.std = IMAGENET if mode == "imagenet" else (backbone.mean, backbone.std)
        self.mode = mode
        self.blur = blur

    def __call__(self, images: Tensor) -> Tensor:
        """Turn uint8 (N, 3, H, W) RGB images into floats, channels last in memory."""
        pixels = images.float()
        if self.blur:
            pixels = gaussian_blur(pixels, self.blur)
        return self._scale(pixels).contiguous(memory_format=torch.channels_last)

    def _scale(self, pixels: Tensor) -> Tensor:
        if self.mode == "rescale":
            return pixels / 255
        if self.mode in {"samplewise", "samplewise_rescale"}:
            pixels = pixels / 255 if self.mode == "samplewise_rescale" else pixels
            centred = pixels - pixels.mean(dim=(1, 2, 3), keepdim=True)
            return centred / (centred.square().mean(dim=(1, 2, 3), keepdim=True).sqrt() + TINY)
        return standardise(pixels, self.mean, self.std)


def gaussian_blur(images: Tensor, sigma: float) -> Tensor:
    """Blur (N, C, H, W) float images; outside the image the pixels of the edge are repeated. `sigma` is in pixels."""
    radius = max(1, round(3 * sigma))
    places = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
    weights = torch.exp(-0.5 * (places / sigma) ** 2)
    weights /= weights.sum()
    channels = images.shape[1]
    kernel = weights.expand(channels, 1, -1)
    padded = functional.pad(images, (radius,) * 4, mode="replicate")
    rows = functional.conv2d(padded, kernel.unsqueeze(2), groups=channels)
    return functional.conv2d(rows, kernel.unsqueeze(3), groups=channels)
