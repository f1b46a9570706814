"""Labellers who err in known ways: each confuses the values of each attribute differently, and some images mislead them all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotator.domain.agreement.dawid_skene import dawid_skene
from annotator.domain.agreement.posterior import LabellerModel
from annotator.domain.agreement.ratings import Ratings

Numbers = NDArray[np.int64]
HARD_SHARE, HARD_RIGHT = 0.08, 0.5
"""The share of the cells that mislead, and how often they are answered right; who errs there errs in the same way."""


@dataclass(frozen=True)
class Answerers:
    """Labellers of one attribute.

    Args:
        confusions: (labellers, classes, classes) [labeller, true class, answer].
        misled: (images,) the class that an image is taken for; -1 for an image that misleads nobody.
        truth: (images,) the true classes.
    """

    confusions: NDArray[np.float64]
    misled: Numbers
    truth: Numbers

    def answer(self, labeller: Numbers, image: Numbers, random: np.random.Generator) -> Numbers:
        """The answers of some labellers to some images."""
        p = self.confusions[labeller, self.truth[image]]
        misled = self.misled[image] >= 0
        fooled = np.eye(p.shape[1])[self.misled[image]] * (1 - HARD_RIGHT)
        fooled[np.arange(len(image)), self.truth[image]] = HARD_RIGHT
        p = np.where(misled[:, None], fooled, p)
        drawn = (random.random(len(p))[:, None] > p.cumsum(axis=1)).sum(axis=1)
        return np.minimum(drawn, p.shape[1] - 1)


def draw_answerers(
    truth: Numbers, classes: int, labellers: int, random: np.random.Generator, *, hard: bool
) -> Answerers:
    """Draw labellers of one attribute, who are right in 70 to 97 % of the images of a class.

    Args:
        truth: (images,) true classes.
        classes: their number.
        labellers: how many.
        random: the source of chance.
        hard: whether some images mislead everybody.
    """
    right = random.uniform(0.7, 0.97, labellers)[:, None] + random.uniform(-0.03, 0.03, (labellers, classes))
    wrong = random.dirichlet(np.ones(classes), (labellers, classes)) * (1 - np.eye(classes))
    confusions = wrong / wrong.sum(axis=2, keepdims=True) * (1 - right)[:, :, None]
    confusions += np.eye(classes) * right[:, :, None]
    other = (truth + random.integers(1, classes, len(truth))) % classes
    misled = np.where(hard & (random.random(len(truth)) < HARD_SHARE), other, -1)
    return Answerers(confusions, misled, truth)


def model_of(image: Numbers, labeller: Numbers, code: Numbers, classes: int) -> LabellerModel:
    """The product's model of these labellers, from answers to images with several."""
    several = np.bincount(image)[image] > 1
    fit = dawid_skene(Ratings.columns(image[several], labeller[several], code[several]))
    return LabellerModel.of(fit, range(classes))
