"""Linear heads: accuracy, few images, determinism."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from trainer.evaluation.calibration import probabilities
from trainer.probe.head_loss import HeadLoss
from trainer.probe.linear_heads import FOLDS, assign_folds, fit_basis, fit_head, fit_heads
from trainer.stats.class_balanced import balanced_answers


def two_clouds(images: int = 80, size: int = 12, apart: float = 3.0):
    generator = torch.Generator().manual_seed(1)
    labels = np.arange(images) % 2
    features = torch.randn(images, size, generator=generator)
    features[:, 0] += apart * torch.from_numpy(labels)
    return features, labels.astype(np.int64)


def head_of(features, labels, classes, groups=None, seed=0):
    basis = fit_basis(features)
    groups = np.array([f"image:{i}" for i in range(len(labels))]) if groups is None else groups
    head = fit_head(basis.project(features), labels, groups, classes, seed)
    return basis, head.rotated(basis.directions)


def answers(basis, head, features):
    logits = ((features - basis.mean) * basis.scale @ head.weight + head.bias).numpy()
    return probabilities(logits, head.prior, head.temperature)


def test_separable_classes_are_separated():
    features, labels = two_clouds(200)
    basis, head = head_of(features[:100], labels[:100], 2)
    assert (answers(basis, head, features[100:]).argmax(1) == labels[100:]).mean() > 0.85


def test_the_same_seed_gives_the_same_head():
    features, labels = two_clouds()
    first, second = (head_of(features, labels, 2)[1] for _ in range(2))
    assert torch.equal(first.weight, second.weight)
    assert first.temperature == second.temperature


def test_an_absent_class_gets_a_small_probability():
    features, labels = two_clouds()
    basis, head = head_of(features, labels, 4)
    p = answers(basis, head, features)
    assert p[:, 2:].max() < 0.05
    np.testing.assert_allclose(p.sum(1), 1)


def test_the_class_prior_of_a_pool_is_estimated_from_a_biased_selection():
    """One image in ten shows the rare class, but half of the labelled images do, because they were chosen by their looks."""
    chance = np.random.default_rng(0)
    labels = (chance.random(6000) < 0.1).astype(np.int64)
    features = torch.from_numpy(chance.normal(size=(6000, 12)).astype(np.float32))
    features[:, 0] += 1.5 * torch.from_numpy(labels)
    looks_rare = np.flatnonzero(features[:1200, 0] > 1.5)
    others = np.flatnonzero(features[:1200, 0] <= 1.5)[: len(looks_rare)]
    chosen = np.concatenate([looks_rare, others])
    assert labels[chosen].mean() > 0.2
    basis, head = head_of(features[chosen], labels[chosen], 3)
    p = answers(basis, head, features)
    expected = head.expected_prior(p)
    assert 0.07 < expected[1] < 0.14
    assert expected[2] == head.prior[2], "a class without labels keeps its prior"

    def balanced_accuracy(prior):
        said = balanced_answers(p[1200:], prior)
        return np.mean([(said[labels[1200:] == code] == code).mean() for code in (0, 1)])

    assert balanced_accuracy(expected) > balanced_accuracy(head.prior) + 0.02


@pytest.mark.parametrize("images", [1, 2, 3])
@pytest.mark.parametrize("label", [0, 1])
def test_few_images_of_one_class_predict_it_without_certainty(images, label):
    features, _ = two_clouds(images)
    basis, head = head_of(features, np.full(images, label), 2)
    p = answers(basis, head, features)
    assert (p[:, label] > 0.5).all()
    assert (p < 1).all()


def test_constant_features_are_harmless():
    features, labels = two_clouds()
    features[:, 3:6] = 7.0
    basis, head = head_of(features, labels, 2)
    assert np.isfinite(answers(basis, head, features)).all()
    _, constant = head_of(torch.ones(10, 4), labels[:10], 2)
    assert torch.isfinite(constant.weight).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_the_solution_minimises_the_penalised_loss(classes):
    features, _ = two_clouds(apart=1.0)
    basis = fit_basis(features)
    embeddings = basis.project(features)
    targets = torch.from_numpy(np.arange(len(embeddings)) % 5 % classes)
    assert len(targets.unique()) == classes
    weights = torch.full((len(targets), 1), 1 / len(targets))
    prior = np.array([0.6, 0.4] if classes == 2 else [0.5, 0.2, 0.3])
    head_loss = HeadLoss(embeddings, targets, weights, prior, 1e-3)
    for solution in (head_loss.minimise(1e-2), head_loss.minimise(1e-2, head_loss.minimise(1.0))):
        assert solution.shape == (embeddings.shape[1] + 1, 1, classes)
        least = solution[:, 0].requires_grad_()
        logits = embeddings @ least[:-1] + least[-1] + torch.from_numpy(np.log(prior)).float()
        loss = functional.cross_entropy(logits, targets) + 1e-2 / 2 * least.square().sum()
        (slope,) = torch.autograd.grad(loss, least)
        assert slope.abs().max() < 5e-3


@given(st.lists(st.integers(0, 8), min_size=1, max_size=60), st.integers(0, 5))
def test_a_group_is_never_split_between_folds(members, seed):
    groups = np.array([f"identity:{member}" for member in members])
    folds = assign_folds(groups, seed)
    assert set(folds) <= set(range(FOLDS))
    assert all(len(set(folds[groups == group])) == 1 for group in groups)


def two_views(informative: str, images: int = 240):
    """Embeddings of the views "head" and "face" side by side, 12 coordinates each, and labels that some of them show."""
    generator = torch.Generator().manual_seed(0)
    labels = (np.arange(images) % 2).astype(np.int64)
    views = {"head": slice(0, 12), "face": slice(12, 24)}
    embeddings = torch.randn(images, 24, generator=generator)
    for view in informative.split():
        embeddings[:, views[view].start] += 1.6 * torch.from_numpy(labels)
    groups = np.array([f"image:{i}" for i in range(images)])
    return embeddings / 24**0.5, labels, groups, views


@pytest.mark.parametrize("informative", ["head", "face", "head face"])
def test_an_attribute_is_seen_in_the_view_that_shows_it(informative):
    embeddings, labels, groups, views = two_views(informative)
    train, test = slice(0, 120), slice(120, None)
    head = fit_heads(embeddings[train], {"a": labels[train]}, groups[train], {"a": 2}, 0, views=views)["a"]
    assert head.views == tuple(informative.split())
    for view, block in views.items():
        assert head.coefficients[:-1][block].any() == (view in head.views)
    right = (head.answer(embeddings[test]).argmax(1) == labels[test]).mean()
    assert right > (0.75 if len(head.views) == 2 else 0.65)
    alone = [
        fit_heads(embeddings[train, block], {"a": labels[train]}, groups[train], {"a": 2}, 0)["a"]
        for block in views.values()
    ]
    if len(head.views) == 2:
        assert right > max(
            (of_view.answer(embeddings[test][:, block]).argmax(1) == labels[test]).mean()
            for of_view, block in zip(alone, views.values(), strict=True)
        )
    assert head.committee(embeddings[test]).shape == (FOLDS, 120, 2)


def test_a_single_view_gives_the_same_head_as_no_views():
    embeddings, labels, groups, views = two_views("head")
    block = {"head": views["head"]}
    named, plain = (
        fit_heads(embeddings[:, :12], {"a": labels}, groups, {"a": 2}, 0, views=given)["a"]
        for given in (block, None)
    )
    assert torch.equal(named.coefficients, plain.coefficients)
