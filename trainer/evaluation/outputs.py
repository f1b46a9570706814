"""A model's answers to all images of a snapshot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.calibration import expected_prior
from trainer.views import View


@dataclass(frozen=True)
class Answers:
    """A model's answers to all images of a snapshot.

    Attributes:
        probabilities: Attribute → (images, classes), calibrated.
        priors: Attribute → (classes,) class prior of the labelled train images.
        images: Attribute → number of labelled train images; 0 if the model does not record it.
        model: The `model` entry of the predictions' manifest.
        views: Attribute → the view of the image that the answer rests on, the first one if there are several.
        embeddings: Computes (images, q) embeddings in which similar images are close; None if the model has none.
        committee: Computes attribute → (members, images, classes) answers of several models; None for a single model.
        dropout: Computes attribute → (draws, images, classes) answers to embeddings of which dropout hides a part; None if
            the model has none.
    """

    probabilities: dict[str, NDArray[np.float32]]
    priors: dict[str, NDArray[np.float64]]
    images: dict[str, int]
    model: dict[str, Any]
    views: Mapping[str, View] = field(default_factory=dict)
    embeddings: Callable[[], NDArray[np.float32]] | None = None
    committee: Callable[[], dict[str, NDArray[np.float32]]] | None = None
    dropout: Callable[[], dict[str, NDArray[np.float32]]] | None = None

    @cached_property
    def expected_priors(self) -> dict[str, NDArray[np.float64]]:
        """Attribute → (classes,) class prior expected in the whole snapshot, for the class-balanced answers."""
        return {
            name: expected_prior(p, self.priors[name], self.images[name])
            for name, p in self.probabilities.items()
        }
