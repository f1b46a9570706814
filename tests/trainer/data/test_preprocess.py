"""Scaling of pixels and augmentation of images."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from trainer import networks
from trainer.config import FitConfig
from trainer.data.augmentation import augmentation, draw
from trainer.data.preprocess import Preprocess, gaussian_blur
from trainer.presets import S0_AUGMENTATION, S2_AUGMENTATION, S4_AUGMENTATION

IMAGES = torch.randint(0, 256, (2, 3, 24, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def backbone():
    return networks.build("efficientnet_lite0", pretrained=False)


def test_rescale_scales_pixels_to_0_to_1(backbone):
    torch.testing.assert_close(Preprocess(backbone, "rescale")(IMAGES), IMAGES / 255)


@pytest.mark.parametrize("mode", ["samplewise", "samplewise_rescale"])
def test_samplewise_gives_every_image_mean_0_and_deviation_1(backbone, mode):
    scaled = Preprocess(backbone, mode)(IMAGES)
    torch.testing.assert_close(scaled.mean((1, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(scaled.std((1, 2, 3), correction=0), torch.ones(2), atol=1e-3, rtol=0)


def test_rescaling_before_samplewise_makes_no_difference(backbone):
    plain, rescaled = (Preprocess(backbone, mode)(IMAGES) for mode in ("samplewise", "samplewise_rescale"))
    torch.testing.assert_close(plain, rescaled, atol=1e-4, rtol=0)


def test_an_image_of_one_colour_stays_finite(backbone):
    for mode in ("samplewise", "samplewise_rescale"):
        assert torch.isfinite(
            Preprocess(backbone, mode)(torch.full((1, 3, 8, 8), 90, dtype=torch.uint8))
        ).all()


def test_the_default_is_the_networks_own_scaling(backbone):
    own, imagenet = Preprocess(backbone)(IMAGES), Preprocess(backbone, "imagenet")(IMAGES)
    torch.testing.assert_close(own, backbone.normalise(IMAGES))
    red = (IMAGES[0, 0, 0, 0] / 255 - 0.485) / 0.229
    assert imagenet[0, 0, 0, 0] == pytest.approx(red.item(), abs=1e-5)


def test_the_blur_is_a_gaussian(backbone):
    ours = gaussian_blur(IMAGES.float(), 1.2)[0, 0].numpy()
    theirs = ndimage.gaussian_filter(IMAGES[0, 0].numpy().astype(float), 1.2, mode="nearest", radius=4)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
    blurred = Preprocess(backbone, "rescale", blur=2.0)(IMAGES)
    assert blurred.std() < 0.5 * (IMAGES / 255).std()


@pytest.mark.parametrize("settings", [{}, S0_AUGMENTATION, S2_AUGMENTATION, S4_AUGMENTATION])
def test_augmentation_keeps_the_size_and_depends_only_on_seed_epoch_and_image(settings):
    config = FitConfig(image_size=64, **settings)
    image = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)
    transform = augmentation(config)
    drawn = [draw(transform, 0, epoch, 7, image) for epoch in (3, 3, 4, 5)]
    assert drawn[0].shape == image.shape
    assert drawn[0].dtype == torch.uint8
    assert torch.equal(drawn[0], drawn[1])
    assert not all(torch.equal(drawn[0], other) for other in drawn[2:])


def test_the_fill_edge_repeats_the_edge():
    image = torch.full((3, 64, 64), 200, dtype=torch.uint8)
    for fill, same in (("edge", True), ("gray", False)):
        config = FitConfig(image_size=64, fill=fill, shift=0.3, rotation=0, zoom=0, jitter=0)
        drawn = [draw(augmentation(config), 0, 0, index, image) for index in range(8)]
        assert all(torch.equal(image, other) for other in drawn) == same
