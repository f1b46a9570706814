"""TAILOR: the strategy that finds diverse classes gets the places."""

from dataclasses import dataclass

import numpy as np

from tests.support.acquisition.pools import one_attribute
from trainer.acquisition import STRATEGIES, Pool
from trainer.acquisition.base import Order
from trainer.acquisition.tailor import Tailor, draw_rewards, owners
from trainer.data.snapshot import UNLABELLED


@dataclass
class Listed:
    """Puts the images in the order of their names."""

    needs: frozenset[str] = frozenset()

    def cells(self, pool: Pool) -> dict:
        return {}

    def arrange(self, pool: Pool) -> Order:
        return pool.askable


def with_labels(common: int, rare_of: int) -> tuple[Pool, np.ndarray]:
    """A pool in which the images of strategy `rare_of` were labelled with a rare class, the others with the common one."""
    images = 1000
    groups = np.array([f"image:{number:05}" for number in range(images)])
    owner = owners(groups, 2)
    labels = np.full(images, UNLABELLED)
    labels[:common] = owner[:common] == rare_of
    labels[common : 3 * common] = 0
    return one_attribute(np.full((images, 2), 0.5), labels), owner


def test_the_strategy_that_found_the_rare_class_gets_most_places():
    for rare_of in (0, 1):
        pool, owner = with_labels(40, rare_of)
        order = Tailor({"a": Listed(), "b": Listed()}).arrange(pool)
        assert (owner[order[:100]] == rare_of).mean() > 0.8
        assert sorted(order) == pool.askable.tolist()


def test_without_labels_every_strategy_is_tried():
    pool = one_attribute(np.full((600, 2), 0.5), np.full(600, UNLABELLED))
    owner = owners(pool.groups, 2)
    tried = owner[Tailor({"a": Listed(), "b": Listed()}).arrange(pool)[:100]].mean()
    assert 0.3 < tried < 0.7


def test_a_group_belongs_to_the_same_strategy_whichever_other_groups_there_are():
    groups = np.array(["identity:3", "identity:1", "image:a", "identity:3"])
    assert owners(groups, 3)[:2].tolist() == owners(groups[:2], 3).tolist()
    assert owners(groups, 3)[0] == owners(groups, 3)[3]
    assert set(owners(np.array([f"image:{n}" for n in range(99)]), 3)) == {0, 1, 2}


def test_a_reward_is_the_expected_inverse_count_of_the_classes():
    labels = np.zeros(4000, np.int64)
    labels[:400] = 1
    pool = one_attribute(np.full((4000, 2), 0.5), labels)
    rewards = draw_rewards(pool, np.zeros(4000, np.int64), 1, 50)
    np.testing.assert_allclose(rewards.mean(), 0.9 / 3601 + 0.1 / 401, rtol=0.02)


def test_the_strategies_to_choose_from_are_those_beside_it():
    assert STRATEGIES["tailor"].needs == {"embeddings"}
