"""TAILOR: choose among query strategies by the class diversity of what each has found so far."""

import zlib
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.base import Order, QueryStrategy
from trainer.acquisition.by_uncertainty import HeadFirst
from trainer.acquisition.pool import Pool

TIE = 1e-9
"""Rewards as close as this are a tie, which is broken at random: while no class has a label, all are equal."""


class Tailor(HeadFirst):
    """Gives each place of the head to a strategy that Thompson sampling chooses (Zhang et al., NeurIPS 2023).

    "Algorithm Selection for Deep Active Learning with Imbalanced Datasets" (arXiv 2302.07317): what a strategy asks for
    shows each class with an unknown probability. A draw from the posterior of these probabilities, weighted by
    1 / (1 + labels of the class), is the reward that is expected from the strategy; the strategy with the highest one
    chooses the next image.

    Adapted to several attributes: the posterior of each attribute is a Dirichlet distribution with a flat prior, and the
    rewards of the attributes are added. A round keeps no record of which strategy asked for an image. So every group
    belongs to one strategy, by a hash of the group's name, and a strategy asks only for images of groups that belong to
    it: the labels tell what it has found. Images that were drawn at random count for all strategies alike. The paper's discount of old
    rewards is left out, because labels have no order.

    Args:
        arms: Name → strategy to choose from.
    """

    def __init__(self, arms: Mapping[str, QueryStrategy]) -> None:
        super().__init__()
        self._arms = dict(arms)
        self.needs = frozenset().union(*(arm.needs for arm in arms.values()))

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """Fill the places one after another with the next image of the strategy that is drawn."""
        owner = owners(pool.groups, len(self._arms))
        among = np.zeros(len(pool.work), bool)
        among[candidates] = True
        queues = [
            list(arm.arrange(replace(pool, work=among & (owner == number))))
            for number, arm in enumerate(self._arms.values())
        ]
        rewards = draw_rewards(pool, owner, len(self._arms), count)
        chosen: list[int] = []
        places = [0] * len(queues)
        for reward in rewards:
            left = [place < len(queue) for place, queue in zip(places, queues, strict=True)]
            best = int(np.where(left, reward, -np.inf).argmax())
            chosen.append(queues[best][places[best]])
            places[best] += 1
        return np.array(chosen, np.int64)


def owners(groups: NDArray[np.str_], arms: int) -> NDArray[np.int64]:
    """Return (n,) the number of the strategy to which each image's group belongs, the same in every round."""
    names, members = np.unique(groups, return_inverse=True)
    numbers = np.array([zlib.crc32(str(name).encode()) % arms for name in names], np.int64)
    return numbers[members] if len(names) else np.empty(0, np.int64)


def draw_rewards(pool: Pool, owner: NDArray[np.int64], arms: int, draws: int) -> NDArray[np.float64]:
    """Return (draws, arms) rewards, each from a draw of the class probabilities of what the strategy asks for."""
    generator = pool.generator()
    rewards = generator.random((draws, arms)) * TIE
    for name, p in pool.probabilities.items():
        labels = pool.labels[name]
        worth = 1 / (1 + pool.counts[name])
        for arm in range(arms):
            labelled = labels[(owner == arm) & (labels >= 0)]
            counts = np.bincount(labelled, minlength=p.shape[1])
            rewards[:, arm] += generator.dirichlet(1 + counts, draws) @ worth
    return rewards
