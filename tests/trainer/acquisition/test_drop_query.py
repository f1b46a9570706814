"""DropQuery: central images at the start, then those whose answers change under dropout."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.acquisition.pools import one_attribute
from trainer.acquisition import STRATEGIES
from trainer.acquisition.drop_query import DropQuery, central, inconsistent
from trainer.acquisition.mixing import ColdStart
from trainer.data.snapshot import UNLABELLED
from trainer.probe.linear_heads import dropped


def clusters(images: int, seed: int = 0) -> np.ndarray:
    """Return embeddings of images in four clusters, of which the first has half of the images."""
    random = np.random.default_rng(seed)
    of = np.where(np.arange(images) % 2, 0, 1 + np.arange(images) // 2 % 3)
    return (random.normal(size=(images, 4)) + 20 * np.eye(4)[of]).astype(np.float32)


def test_the_most_central_image_of_each_cluster_comes_the_largest_cluster_first():
    embeddings = np.float32([[0, 0], [1, 0], [2, 0], [9, 9], [9, 10], [0.9, 0.4]])
    for seed in range(6):
        chosen = central(embeddings, 2, np.random.default_rng(seed))
        assert chosen[0] == 1
        assert chosen[1] in (3, 4)


def test_a_start_covers_the_clusters_and_ends_with_enough_labels():
    pool = one_attribute(np.full((400, 2), 0.5), np.full(400, UNLABELLED), embeddings=clusters(400))
    first = STRATEGIES["drop_query"].arrange(pool)[: ColdStart.ENOUGH]
    assert len(np.unique(pool.embeddings[first].argmax(axis=1))) == 4
    assert len(set(first)) == ColdStart.ENOUGH


def test_a_cell_is_inconsistent_if_most_answers_under_dropout_differ():
    p = np.float32([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]])
    draws = np.float32([p, p, p])
    draws[:2, 1] = draws[:2, 1, ::-1]
    draws[0, 2] = draws[0, 2, ::-1]
    pool = one_attribute(p, np.full(3, UNLABELLED), dropout={"hair": draws})
    assert inconsistent(pool)["hair"].tolist() == [0, 1, 0]


def test_inconsistent_images_are_asked_first():
    images, head = 1400, 200
    p = np.tile(np.float32([0.9, 0.1]), (images, 1))
    labels = np.where(np.arange(images) < ColdStart.ENOUGH, 0, UNLABELLED)
    draws = np.tile(p, (3, 1, 1))
    changing = np.arange(images) >= 600
    draws[:, changing] = draws[:, changing][..., ::-1]
    pool = one_attribute(p, labels, embeddings=clusters(images), dropout={"hair": draws})
    chosen = DropQuery().choose(pool, pool.askable, head)
    assert changing[chosen].all()
    assert len(np.unique(pool.embeddings[chosen].argmax(axis=1))) == 4
    consistent = replace(pool, dropout={"hair": np.tile(p, (3, 1, 1))})
    assert len(DropQuery().choose(consistent, pool.askable, head)) > head / 2


def test_dropout_hides_three_quarters_of_the_coordinates_and_keeps_their_mean():
    embeddings = torch.ones(400, 50)
    hidden = dropped(embeddings, torch.Generator().manual_seed(1))
    assert torch.equal(hidden, dropped(embeddings, torch.Generator().manual_seed(1)))
    assert set(hidden.unique().tolist()) == {0.0, 4.0}
    assert float(hidden.mean()) == pytest.approx(1, abs=0.05)
