"""What a model says about a snapshot."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.calibration import expected_shares


@dataclass(frozen=True)
class Answers:
    """What a model says about a snapshot.

    Attributes:
        probabilities: Attribute → (images, classes), calibrated.
        priors: Attribute → (classes,) shares of the classes among the labelled train images.
        images: Attribute → how many these are; 0 if that was not kept.
        model: The `model` of the predictions' manifest.
        points: Computes (images, q) coordinates in which alike images are near each other; None if there are none.
        committee: Computes attribute → (members, images, classes) answers of several models; None if there is one only.
    """

    probabilities: dict[str, NDArray[np.float32]]
    priors: dict[str, NDArray[np.float64]]
    images: dict[str, int]
    model: dict[str, Any]
    points: Callable[[], NDArray[np.float32]] | None = None
    committee: Callable[[], dict[str, NDArray[np.float32]]] | None = None

    @cached_property
    def shares(self) -> dict[str, NDArray[np.float64]]:
        """Attribute → (classes,) shares expected in the whole snapshot: what a class-balanced answer divides by."""
        return {
            name: expected_shares(p, self.priors[name], self.images[name])
            for name, p in self.probabilities.items()
        }
