"""The registry of networks: a name, and how to build the backbone of that name.

One module per family; a new one adds a line to `BUILDERS`.
"""

from collections.abc import Callable

import torch

from trainer.errors import ChoiceError
from trainer.networks import efficientnet_lite0
from trainer.networks.backbone import Backbone

__all__ = ["Backbone", "build", "names"]

BUILDERS: dict[str, Callable[..., Backbone]] = {
    "efficientnet_lite0": efficientnet_lite0.build,
}


def names() -> list[str]:
    """Return the names that `build` knows, sorted."""
    return sorted(BUILDERS)


def build(name: str, *, pretrained: bool, seed: int = 0) -> Backbone:
    """Build a backbone in evaluation mode.

    Args:
        name: One of `names()`.
        pretrained: Load the published weights; otherwise they are random.
        seed: Of the random weights. Torch's global generator is left as it was.

    Raises:
        ChoiceError: There is no network of that name.
        WeightsError: The published weights cannot be had.
    """
    if name not in BUILDERS:
        raise ChoiceError(
            f"There is no network called {name!r}.",
            "Nothing was changed.",
            f"Choose one of: {', '.join(names())}.",
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BUILDERS[name](pretrained=pretrained).eval()
