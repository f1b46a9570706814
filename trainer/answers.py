"""What a model says about a snapshot."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Answers:
    """What a model says about a snapshot.

    Attributes:
        probabilities: Attribute → (images, classes), calibrated.
        priors: Attribute → (classes,) shares of the classes among the labelled train images.
        model: The `model` of the predictions' manifest.
    """

    probabilities: dict[str, NDArray[np.float32]]
    priors: dict[str, NDArray[np.float64]]
    model: dict[str, Any]
