"""What a model says about a snapshot."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Answers:
    """What a model says about a snapshot.

    Attributes:
        probabilities: Attribute → (images, classes), calibrated.
        priors: Attribute → (classes,) shares of the classes, by which a class-balanced answer divides.
        model: The `model` of the predictions' manifest.
        points: Computes (images, q) coordinates in which alike images are near each other; None if there are none.
        committee: Computes attribute → (members, images, classes) answers of several models; None if there is one only.
    """

    probabilities: dict[str, NDArray[np.float32]]
    priors: dict[str, NDArray[np.float64]]
    model: dict[str, Any]
    points: Callable[[], NDArray[np.float32]] | None = None
    committee: Callable[[], dict[str, NDArray[np.float32]]] | None = None
