"""Linear heads on frozen features, one per attribute, each trained in a fraction of a second.

A head is a softmax-linear model of standardised features with the logit-adjusted loss of Menon et al. ("Long-tail
learning via logit adjustment", ICLR 2021): the log of the class shares is added to the logits while training, so the
head itself learns what speaks for a class apart from how common it is. That is the class-balanced loss that does not
cost honest probabilities: on held-out people with 800 labels it gave glasses .90 and hair colour .80 balanced accuracy
against .86 and .78 of a loss weighted by 1/frequency, at a lower log-loss.

Unlabelled cells are left out attribute by attribute. The strength of the L2 penalty and the temperature are chosen per
attribute on held-out folds of the train groups, so that the val split stays unseen; where the features themselves were
learned from these groups (trainer/finetune/finetuned_backbone) they are chosen on other images.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.evaluation.calibration import (
    FEW,
    class_prior,
    expected_shares,
    fit_temperature,
    negative_log_likelihood,
)
from trainer.probe.head_loss import HeadLoss

PENALTIES = (1e-4, 3e-4, 1e-3, 3e-3)
"""L2 strengths to choose from; features are scaled such that an image's squared norm is about 1."""
FOLDS = 4
BASIS, DIRECTIONS = 1500, 512
"""Images from which the principal directions are found, and how many directions the heads may use at most. All of 740
directions and 512 gave the same figures to half a point, and so did 1,500 and 512 with 4,390 images."""


@dataclass(frozen=True)
class Basis:
    """Standardisation of features and the principal directions of a sample of images.

    Attributes:
        mean: (size,) subtracted from the features.
        scale: (size,) they are multiplied by afterwards.
        directions: (size, q) orthonormal, those of the largest variance first.
    """

    mean: Tensor
    scale: Tensor
    directions: Tensor

    def project(self, features: Tensor) -> Tensor:
        """Return the (n, q) coordinates of (n, size) features."""
        return ((features - self.mean) * self.scale) @ self.directions


@dataclass(frozen=True)
class Head:
    """What was learned for one attribute, in some space of q coordinates.

    Attributes:
        coefficients: (q + 1, members, classes), the bias last. The last member is the head itself; those before it each left
            a fold out and are a committee.
        prior: (classes,) shares of the classes among the labelled train images.
        temperature: By which the evidence is divided.
        penalty: The L2 strength that was chosen.
        images: Labelled train images.
    """

    coefficients: Tensor
    prior: NDArray[np.float64]
    temperature: float
    penalty: float
    images: int

    @property
    def weight(self) -> Tensor:
        """(q, classes) of the head itself."""
        return self.coefficients[:-1, -1]

    @property
    def bias(self) -> Tensor:
        """(classes,) of the head itself."""
        return self.coefficients[-1, -1]

    def alone(self) -> "Head":
        """Return the head without the committee."""
        return replace(self, coefficients=self.coefficients[:, -1:])

    def turned(self, directions: Tensor) -> "Head":
        """Return the same head in the space in which its coordinates run along (p, q) orthonormal directions."""
        turned = torch.tensordot(directions, self.coefficients[:-1], dims=1)
        return replace(self, coefficients=torch.cat([turned, self.coefficients[-1:]]))

    def answer(self, points: Tensor) -> NDArray[np.float32]:
        """Return (n, classes) calibrated probabilities of images at (n, q) coordinates."""
        return self.calibrated(points @ self.weight + self.bias)

    def committee(self, points: Tensor) -> NDArray[np.float32]:
        """Return (folds, n, classes) calibrated probabilities of the heads that each left a fold out."""
        evidence = _evidence(points, self.coefficients[:, :-1])
        return np.stack([self.calibrated(evidence[:, fold]) for fold in range(evidence.shape[1])])

    def expected_shares(self, p: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the (classes,) shares that the head expects among images, of which (n, classes) `p` are its answers."""
        return expected_shares(p, self.prior, self.images)

    def calibrated(self, evidence: Tensor) -> NDArray[np.float32]:
        """Return (n, classes) probabilities of evidence, as `calibrate.probabilities`, in float32 and a third faster."""
        logits = evidence / self.temperature + torch.from_numpy(np.log(self.prior)).float()
        found: NDArray[np.float32] = logits.softmax(dim=1).numpy()
        return found


def fit_basis(features: Tensor) -> Basis:
    """Standardise features and find the main directions of the images.

    Args:
        features: (n, size) of at most some thousand images, n ≥ 1.
    """
    mean = features.mean(dim=0)
    spread = features.std(dim=0, correction=0)
    # Features that hardly vary are noise: the floor keeps them from being blown up to the size of the others.
    scale = 1 / ((spread + 0.01 * spread.mean() + 1e-6) * features.shape[1] ** 0.5)
    rows = (features - mean) * scale
    # Eigenvectors of the images' inner products: with fewer images than features the cheap side of the decomposition.
    eigenvalues, vectors = torch.linalg.eigh(rows @ rows.T)
    kept = eigenvalues > 1e-5 * eigenvalues[-1].clamp_min(1e-12)
    kept[:-DIRECTIONS] = False
    directions = rows.T @ (vectors[:, kept] / eigenvalues[kept].sqrt())
    return Basis(mean, scale, directions.flip(1))


def main_axes(points: Tensor) -> Tensor:
    """Return the (q, r) orthonormal principal axes of (n, q) points, without those along which they hardly vary.

    Along its own axes a head is trained in a fraction of the steps that it takes along others.
    """
    variance, axes = torch.linalg.eigh(points.T @ points)
    found: Tensor = axes[:, variance > 1e-6 * variance[-1].clamp_min(1e-12)]
    return found


def fit_head(
    points: Tensor,
    labels: NDArray[np.int64],
    groups: NDArray[np.str_],
    classes: int,
    seed: int,
    unseen: tuple[Tensor, NDArray[np.int64]] | None = None,
) -> Head:
    """Train the head of one attribute.

    Args:
        points: (n, q) coordinates of labelled train images along their main axes.
        labels: (n,) class indices, none negative, n ≥ 1.
        groups: (n,) images of one group are held out together.
        classes: Number of classes; some need not occur.
        seed: Of the folds.
        unseen: Other images and their classes, on which penalty and temperature are chosen instead of on the folds; of
            fewer than `calibrate.FEW` nothing can be chosen, and the strongest penalty and the temperature 1 stay.
    """
    prior = class_prior(labels, classes)
    folds = assign_folds(groups, seed)
    # One column of weights per fold, and a last one that learns from everything.
    seen = torch.from_numpy(np.stack([folds != fold for fold in range(FOLDS + 1)], axis=1)).float()
    weights = seen / seen.sum(dim=0).clamp_min(1)
    loss_of = HeadLoss(points, torch.from_numpy(labels), weights, prior, min(PENALTIES))
    best, coefficients, found = (np.inf, PENALTIES[0], 1.0), torch.zeros(0), None
    for penalty in reversed(PENALTIES):
        found = loss_of.minimise(penalty, found)
        if unseen is None:
            held_out = _evidence(points, found)[torch.arange(len(labels)), torch.from_numpy(folds)].numpy()
            right = labels
        else:
            held_out, right = _evidence(unseen[0], found)[:, -1].numpy(), unseen[1]
        temperature = fit_temperature(held_out, right, prior)
        chosen = unseen is None or len(right) >= FEW
        loss = negative_log_likelihood(held_out, right, prior, temperature) if chosen else 0.0
        if loss >= best[0]:
            break
        best, coefficients = (loss, penalty, temperature), found
    _, penalty, temperature = best
    return Head(
        coefficients=coefficients,
        prior=prior,
        temperature=temperature,
        penalty=penalty,
        images=len(labels),
    )


def fit_heads(
    points: Tensor,
    labels: Mapping[str, NDArray[np.int64]],
    groups: NDArray[np.str_],
    classes: Mapping[str, int],
    seed: int,
    unseen: tuple[Tensor, Mapping[str, NDArray[np.int64]]] | None = None,
) -> dict[str, Head]:
    """Train a head for every attribute of which an answer is known.

    Args:
        points: (n, q) coordinates of the images.
        labels: Attribute → (n,) class indices, negative where not known.
        groups: (n,) images of one group are held out together.
        classes: Attribute → number of its classes.
        seed: Of the folds.
        unseen: Points and labels of other images, on which penalty and temperature are chosen instead of on the folds.

    Returns:
        Attribute → its head, for the same coordinates.
    """
    axes = main_axes(points)
    points = points @ axes
    heads = {}
    for name, column in labels.items():
        known = column >= 0
        if known.any():
            some = points[torch.from_numpy(known)]
            others = _answered(unseen[0] @ axes, unseen[1][name]) if unseen else None
            head = fit_head(some, column[known], groups[known], classes[name], seed, others)
            heads[name] = head.turned(axes)
    return heads


def _answered(points: Tensor, labels: NDArray[np.int64]) -> tuple[Tensor, NDArray[np.int64]]:
    known = labels >= 0
    return points[torch.from_numpy(known)], labels[known]


def assign_folds(groups: NDArray[np.str_], seed: int) -> NDArray[np.int64]:
    """Return the fold of every image: whole groups together, the folds as even as the groups allow."""
    names, members = np.unique(groups, return_inverse=True)
    sizes = np.bincount(members)
    order = np.random.default_rng(seed).permutation(len(names))
    filled = np.zeros(FOLDS, dtype=np.int64)
    fold_of = np.zeros(len(names), dtype=np.int64)
    for group in sorted(order, key=lambda group: -sizes[group]):
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of[members]


def _evidence(points: Tensor, coefficients: Tensor) -> Tensor:
    """(n, q) points and (q + 1, f, classes) coefficients → (n, f, classes)."""
    evidence: Tensor = torch.tensordot(points, coefficients[:-1], dims=1) + coefficients[-1]
    return evidence
