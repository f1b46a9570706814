"""Linear heads on frozen features, one per attribute; each is trained in a fraction of a second.

A head is a softmax-linear model of standardised features with the logit-adjusted loss of Menon et al. ("Long-tail
learning via logit adjustment", ICLR 2021). The log of the class prior is added to the logits during training, so the head
learns what speaks for a class apart from how common the class is. This balances the classes without a loss of calibration:
on held-out people with 800 labels it gave a balanced accuracy of .90 for glasses and .80 for hair colour, against .86 and
.78 with a loss weighted by 1/frequency, at a lower log-loss.

An image is seen in one or several views (trainer/views), whose embeddings stand side by side. A head is trained on each
view; the one with the least log-loss on held-out folds of the train groups answers, or all of them together, whose logits
are added. One head trained on the embeddings of all views did worse where labels are few (docs/lab/experiments.md).

Unlabelled cells are left out attribute by attribute. L2 penalty and temperature are chosen per attribute on held-out
folds of the train groups, so the val split stays unseen. If the features themselves were learned from these groups
(trainer/finetune/feature_network), other images are used instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.evaluation.calibration import (
    FEW,
    class_prior,
    expected_prior,
    fit_temperature,
    negative_log_likelihood,
)
from trainer.probe.head_loss import HeadLoss

PENALTIES = (1e-4, 3e-4, 1e-3, 3e-3)
"""L2 strengths to choose from; the scale of the features gives an image a squared norm of about 1."""
FOLDS = 4
DROPPED, DROPOUT_DRAWS = 0.75, 3
"""Share of the coordinates that dropout sets to zero, and number of draws (Gupte et al., TMLR 2024)."""
BASIS, DIRECTIONS = 1500, 512
"""Images from which the principal directions are computed, and the most directions that a head uses. All 740 directions
gave the same metrics as 512, to half a point; 4,390 images gave the same as 1,500."""


@dataclass(frozen=True)
class Basis:
    """Standardisation of features, and the principal directions of a sample of images.

    Attributes:
        mean: (size,) subtracted from the features.
        scale: (size,) factor applied afterwards.
        directions: (size, q) orthonormal, in the order of falling variance.
    """

    mean: Tensor
    scale: Tensor
    directions: Tensor

    def project(self, features: Tensor) -> Tensor:
        """Return the (n, q) embeddings of (n, size) features."""
        return ((features - self.mean) * self.scale) @ self.directions


@dataclass(frozen=True)
class Head:
    """What was learned for one attribute, in a space of q coordinates.

    Attributes:
        coefficients: (q + 1, members, classes), the bias last. The last member is the head itself. The members before it
            were each trained without one fold and form a committee.
        prior: (classes,) class prior of the labelled train images.
        temperature: Divisor of the logits.
        penalty: The chosen L2 strength.
        images: Number of labelled train images.
        views: The views that it looks at; the coefficients of the others are zero.
    """

    coefficients: Tensor
    prior: NDArray[np.float64]
    temperature: float
    penalty: float
    images: int
    views: tuple[str, ...] = ()

    @property
    def weight(self) -> Tensor:
        """(q, classes) weights of the head itself."""
        return self.coefficients[:-1, -1]

    @property
    def bias(self) -> Tensor:
        """(classes,) biases of the head itself."""
        return self.coefficients[-1, -1]

    def without_committee(self) -> "Head":
        """Return the head without its committee."""
        return replace(self, coefficients=self.coefficients[:, -1:])

    def rotated(self, directions: Tensor) -> "Head":
        """Return the same head in the p-dimensional space in which its coordinates are the (p, q) orthonormal directions."""
        rotated = torch.tensordot(directions, self.coefficients[:-1], dims=1)
        return replace(self, coefficients=torch.cat([rotated, self.coefficients[-1:]]))

    def answer(self, embeddings: Tensor) -> NDArray[np.float32]:
        """Return the (n, classes) calibrated probabilities of (n, q) embeddings."""
        return self.calibrated(embeddings @ self.weight + self.bias)

    def committee(self, embeddings: Tensor) -> NDArray[np.float32]:
        """Return the (folds, n, classes) calibrated probabilities of the heads that were each trained without one fold."""
        logits = _logits(embeddings, self.coefficients[:, :-1])
        return np.stack([self.calibrated(logits[:, fold]) for fold in range(logits.shape[1])])

    def expected_prior(self, p: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the (classes,) class prior that the head expects among images, given its (n, classes) answers to them."""
        return expected_prior(p, self.prior, self.images)

    def calibrated(self, logits: Tensor) -> NDArray[np.float32]:
        """Return (n, classes) probabilities; like `calibration.probabilities`, but in float32 and a third faster."""
        scaled = logits / self.temperature + torch.from_numpy(np.log(self.prior)).float()
        p: NDArray[np.float32] = scaled.softmax(dim=1).numpy()
        return p


def dropped(embeddings: Tensor, generator: torch.Generator) -> Tensor:
    """Return (n, q) embeddings with `DROPPED` of the coordinates set to zero and the others scaled up (dropout)."""
    kept = torch.rand(embeddings.shape, generator=generator) >= DROPPED
    return embeddings * kept / (1 - DROPPED)


def fit_basis(features: Tensor) -> Basis:
    """Standardise features and compute their principal directions.

    Args:
        features: (n, size) of at most a few thousand images, n ≥ 1.
    """
    mean = features.mean(dim=0)
    spread = features.std(dim=0, correction=0)
    # Features that hardly vary are noise: this floor keeps them small.
    scale = 1 / ((spread + 0.01 * spread.mean() + 1e-6) * features.shape[1] ** 0.5)
    rows = (features - mean) * scale
    # The eigenvectors of the inner products cost less than those of the covariance if images are fewer than features.
    eigenvalues, vectors = torch.linalg.eigh(rows @ rows.T)
    kept = eigenvalues > 1e-5 * eigenvalues[-1].clamp_min(1e-12)
    kept[:-DIRECTIONS] = False
    directions = rows.T @ (vectors[:, kept] / eigenvalues[kept].sqrt())
    return Basis(mean, scale, directions.flip(1))


def main_axes(embeddings: Tensor) -> Tensor:
    """Return the (q, r) orthonormal principal axes of (n, q) embeddings, without axes of negligible variance.

    Along these axes the training of a head takes a fraction of the steps.
    """
    variance, axes = torch.linalg.eigh(embeddings.T @ embeddings)
    main: Tensor = axes[:, variance > 1e-6 * variance[-1].clamp_min(1e-12)]
    return main


def fit_head(
    embeddings: Tensor,
    labels: NDArray[np.int64],
    groups: NDArray[np.str_],
    classes: int,
    seed: int,
    unseen: tuple[Tensor, NDArray[np.int64]] | None = None,
) -> Head:
    """Train the head of one attribute on one view.

    Args:
        embeddings: (n, q) of the labelled train images along their main axes.
        labels: (n,) class indices, none negative, n ≥ 1.
        groups: (n,) group names; images of one group are held out together.
        classes: Number of classes; some may not occur.
        seed: Seed of the folds.
        unseen: Embeddings and classes of other images, on which penalty and temperature are chosen instead of on the
            folds. With fewer than `calibration.FEW` of them, the strongest penalty and the temperature 1 are used.
    """
    return _fit(embeddings, labels, assign_folds(groups, seed), classes, unseen).head


@dataclass(frozen=True)
class _Fitted:
    """A head with its (m, classes) logits and the (m,) classes, or (m, classes) soft labels, of the images that it was not trained on."""

    head: Head
    held_out: NDArray[np.float32]
    right: NDArray[Any]

    @property
    def loss(self) -> float:
        """The mean log-loss of the held-out images, of which there is one at least."""
        return negative_log_likelihood(self.held_out, self.right, self.head.prior, self.head.temperature)


def _fit(
    embeddings: Tensor,
    labels: NDArray[Any],
    folds: NDArray[np.int64],
    classes: int,
    unseen: tuple[Tensor, NDArray[np.int64]] | None,
) -> _Fitted:
    prior = class_prior(labels, classes)
    # One column of weights per fold, and a last column that learns from all images.
    included = torch.from_numpy(np.stack([folds != fold for fold in range(FOLDS + 1)], axis=1)).float()
    weights = included / included.sum(dim=0).clamp_min(1)
    head_loss = HeadLoss(embeddings, torch.from_numpy(labels), weights, prior, min(PENALTIES))
    best, fitted, solution = np.inf, None, None
    for penalty in reversed(PENALTIES):
        solution = head_loss.minimise(penalty, solution)
        if unseen is None:
            of_fold = _logits(embeddings, solution)
            held_out = of_fold[torch.arange(len(labels)), torch.from_numpy(folds)].numpy()
            right = labels
        else:
            held_out, right = _logits(unseen[0], solution)[:, -1].numpy(), unseen[1]
        temperature = fit_temperature(held_out, right, prior)
        enough = unseen is None or len(right) >= FEW
        loss = negative_log_likelihood(held_out, right, prior, temperature) if enough else 0.0
        if fitted is not None and loss >= best:
            break
        best = loss
        fitted = _Fitted(Head(solution, prior, temperature, penalty, len(labels)), held_out, right)
    assert fitted is not None, "there is a penalty"
    return fitted


def fit_heads(
    embeddings: Tensor,
    labels: Mapping[str, NDArray[np.int64]],
    groups: NDArray[np.str_],
    classes: Mapping[str, int],
    seed: int,
    unseen: tuple[Tensor, Mapping[str, NDArray[np.int64]]] | None = None,
    views: Mapping[str, slice] | None = None,
    soft: Mapping[str, NDArray[np.float32]] | None = None,
) -> dict[str, Head]:
    """Train a head for every attribute with a label.

    Args:
        embeddings: (n, q) of the images.
        labels: Attribute → (n,) class indices, negative where there is no label.
        groups: (n,) group names; images of one group are held out together.
        classes: Attribute → number of its classes.
        seed: Seed of the folds.
        unseen: Embeddings and labels of other images, on which views, penalty and temperature are chosen instead of on
            the folds.
        views: View → the coordinates of its embeddings, side by side; None for a single view.
        soft: Attribute → (n, classes) probabilities of the classes of labelled images, which are learned instead of the
            labels: the loss is the cross-entropy with them, also where penalty, temperature and view are chosen.

    Returns:
        Attribute → its head, for the same coordinates.
    """
    size = embeddings.shape[1]
    views = views or {"": slice(0, size)}
    axes = {view: main_axes(embeddings[:, block]) for view, block in views.items()}
    along = {view: embeddings[:, block] @ axes[view] for view, block in views.items()}
    others = {view: unseen[0][:, block] @ axes[view] for view, block in views.items()} if unseen else {}
    heads = {}
    for name, column in labels.items():
        labelled = column >= 0
        if not labelled.any():
            continue
        folds = assign_folds(groups[labelled], seed)
        right = column[labelled] if soft is None else soft[name][labelled]
        of_views = {}
        for view in views:
            some = along[view][torch.from_numpy(labelled)]
            held_out = _labelled(others[view], unseen[1][name]) if unseen else None
            of_views[view] = _fit(some, right, folds, classes[name], held_out)
        chosen, temperature = _choose(of_views)
        parts = [_among(of_views[view].head.rotated(axes[view]), size, views[view]) for view in chosen]
        heads[name] = _together(parts, chosen, temperature)
    return heads


def _choose(of_views: dict[str, _Fitted]) -> tuple[tuple[str, ...], float]:
    """Return the views that answer, and the temperature of their answers.

    It is the view with the least log-loss on held-out images, or all views, whose calibrated logits are added (a product
    of experts).
    """
    first = next(iter(of_views.values()))
    best = min(of_views, key=lambda view: of_views[view].loss) if len(first.right) else next(iter(of_views))
    alone = (best,), of_views[best].head.temperature
    if len(of_views) == 1 or not len(first.right):
        return alone
    held_out = np.sum([fitted.held_out / fitted.head.temperature for fitted in of_views.values()], axis=0)
    temperature = fit_temperature(held_out, first.right, first.head.prior)
    loss = negative_log_likelihood(held_out, first.right, first.head.prior, temperature)
    return (tuple(of_views), temperature) if loss < of_views[best].loss else alone


def _among(head: Head, size: int, block: slice) -> Head:
    """Return a head of one view's coordinates as one of the `size` coordinates of all views."""
    coefficients = torch.zeros(size + 1, *head.coefficients.shape[1:])
    coefficients[:-1][block] = head.coefficients[:-1]
    coefficients[-1] = head.coefficients[-1]
    return replace(head, coefficients=coefficients)


def _together(heads: list[Head], views: tuple[str, ...], temperature: float) -> Head:
    """Return the sum of the calibrated logits of some heads as a head; one head stays as it is."""
    if len(heads) == 1:
        return replace(heads[0], views=views)
    coefficients = torch.stack([head.coefficients / head.temperature for head in heads]).sum(dim=0)
    return replace(heads[0], coefficients=coefficients, temperature=temperature, views=views)


def _labelled(embeddings: Tensor, labels: NDArray[np.int64]) -> tuple[Tensor, NDArray[np.int64]]:
    labelled = labels >= 0
    return embeddings[torch.from_numpy(labelled)], labels[labelled]


def assign_folds(groups: NDArray[np.str_], seed: int) -> NDArray[np.int64]:
    """Return the fold of every image: groups stay together, and the folds are as even as the groups allow."""
    names, members = np.unique(groups, return_inverse=True)
    sizes = np.bincount(members)
    order = np.random.default_rng(seed).permutation(len(names))
    filled = np.zeros(FOLDS, dtype=np.int64)
    fold_of = np.zeros(len(names), dtype=np.int64)
    for group in sorted(order, key=lambda group: -sizes[group]):
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of[members]


def _logits(embeddings: Tensor, coefficients: Tensor) -> Tensor:
    """Return the (n, f, classes) logits of (n, q) embeddings with (q + 1, f, classes) coefficients."""
    logits: Tensor = torch.tensordot(embeddings, coefficients[:-1], dims=1) + coefficients[-1]
    return logits
