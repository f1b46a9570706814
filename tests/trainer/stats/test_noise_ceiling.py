"""The ceiling that noisy labels put on metrics: right on simulated noise, with intervals that cover."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.stats.noise_ceiling import (
    ENOUGH,
    NoiseCeiling,
    ceiling_from_checked,
    ceiling_from_gold,
    ceiling_from_pairs,
)

Floats = NDArray[np.float64]
PRIORS = np.array([0.6, 0.3, 0.1])
CONFUSION = np.array([[0.95, 0.04, 0.01], [0.06, 0.9, 0.04], [0.05, 0.1, 0.85]])
"""P(label | truth)."""
BALANCED = np.array([[0.6, 0.03, 0.01], [0.03, 0.24, 0.01], [0.01, 0.01, 0.06]])
"""P(truth, label) that keeps the shares of the values."""


def joint() -> Floats:
    return PRIORS[:, None] * CONFUSION


def truth(of: Floats) -> tuple[float, float]:
    """What a perfect model scores: accuracy and balanced accuracy."""
    return float(np.trace(of)), float((np.diagonal(of) / of.sum(axis=0)).mean())


def checked(random: np.random.Generator) -> tuple[NoiseCeiling | None, Floats]:
    return ceiling_from_checked(counts(random, joint(), 400), labels(random, joint())), joint()


def gold(random: np.random.Generator) -> tuple[NoiseCeiling | None, Floats]:
    # Gold images are chosen: every value equally often.
    answers = np.array([random.multinomial(150, row) for row in CONFUSION])
    return ceiling_from_gold(answers, labels(random, joint()), draws=1000), joint()


def pairs(random: np.random.Generator) -> tuple[NoiseCeiling | None, Floats]:
    first = BALANCED / BALANCED.sum(axis=1, keepdims=True)
    both = (BALANCED.sum(axis=1)[:, None, None] * first[:, :, None] * first[:, None, :]).sum(axis=0)
    return ceiling_from_pairs(counts(random, both, 600), labels(random, BALANCED)), BALANCED


def counts(random: np.random.Generator, of: Floats, number: int) -> NDArray[np.int64]:
    return random.multinomial(number, of.ravel()).reshape(of.shape)


def labels(random: np.random.Generator, of: Floats) -> NDArray[np.int64]:
    return random.multinomial(2000, of.sum(axis=0))


@pytest.mark.soak
@pytest.mark.parametrize("source", [checked, gold, pairs])
def test_the_interval_covers_the_known_ceiling(
    source: Callable[[np.random.Generator], tuple[NoiseCeiling | None, Floats]], soak: bool
):
    """About 95 of 100 intervals hold what a perfect model scores, and their middles are near it on average."""
    trials = 1000 if soak else 60
    inside, middles = np.zeros(2), np.zeros(2)
    for seed in range(trials):
        ceiling, of = source(np.random.default_rng(seed))
        assert ceiling is not None
        assert ceiling.balanced_accuracy is not None
        found = (ceiling.accuracy, ceiling.balanced_accuracy)
        inside += [one.low <= value <= one.high for one, value in zip(found, truth(of), strict=True)]
        middles += [one.value for one in found]
    least = 0.93 if soak else 0.9
    assert (inside / trials >= least).all(), inside / trials
    assert np.allclose(middles / trials, truth(of), atol=0.015)


def test_right_labels_have_a_ceiling_near_one_and_random_ones_near_chance():
    right = ceiling_from_pairs(np.diag([500, 500]), np.array([900, 900]))
    assert right is not None
    assert right.accuracy.low > 0.99
    random = ceiling_from_pairs(np.full((2, 2), 2500), np.array([900, 900]))
    assert random is not None
    assert 0.5 <= random.accuracy.value < 0.62, "the square root of no agreement beyond chance"


def test_a_value_that_nobody_answered_leaves_no_balanced_accuracy():
    counts_of_two = np.array([[90, 2, 0], [3, 60, 0], [0, 0, 0]])
    for estimate in (ceiling_from_checked, ceiling_from_gold, ceiling_from_pairs):
        ceiling = estimate(counts_of_two, np.array([500, 300, 10]))
        assert ceiling is not None
        assert ceiling.unseen == (2,)
        assert ceiling.balanced_accuracy is None
        without = estimate(counts_of_two, np.array([500, 300, 0]))
        assert without is not None
        assert without.balanced_accuracy is not None, "a value without a label is not measured"


def test_few_answers_say_nothing():
    few = np.diag([ENOUGH - 1, 0])
    for estimate in (ceiling_from_checked, ceiling_from_gold, ceiling_from_pairs):
        assert estimate(few, np.array([5, 5])) is None
