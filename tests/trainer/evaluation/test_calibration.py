"""Calibration of probabilities, and class priors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.evaluation.calibration import (
    class_prior,
    expected_prior,
    fit_temperature,
    probabilities,
)
from trainer.stats.class_balanced import balanced_answers


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_fitting_recovers_the_temperature(true):
    random = np.random.default_rng(0)
    prior = np.array([0.8, 0.2])
    logits = random.normal(0, 4, (6000, 2))
    p = probabilities(logits, prior, true)
    labels = (random.random(6000) < p[:, 1]).astype(np.int64)
    assert fit_temperature(logits, labels, prior) == pytest.approx(true, rel=0.15)


def test_too_few_images_do_not_move_the_temperature():
    assert fit_temperature(np.eye(4) * 9, np.array([0, 1, 2, -1]), np.full(4, 0.25)) == 1.0


def test_equal_logits_give_the_prior():
    prior = class_prior(np.array([0, 0, 0, 1, -1, -2]), 3)
    np.testing.assert_allclose(probabilities(np.zeros((1, 3)), prior, 2.0)[0], prior)
    assert prior.tolist() == [3.5 / 5.5, 1.5 / 5.5, 0.5 / 5.5]


def test_the_balanced_answer_follows_the_logits_and_not_the_common_class():
    prior = np.array([0.95, 0.05])
    p = probabilities(np.array([[0.0, 1.0]]), prior, 1.0)
    assert p.argmax() == 0
    assert balanced_answers(p, prior).tolist() == [1]


@given(st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=6), st.floats(0.25, 8))
def test_probabilities_add_up_to_one_for_any_logits(logits, temperature):
    prior = class_prior(np.arange(len(logits)), len(logits))
    p = probabilities(np.array([logits]), prior, temperature)
    assert np.isfinite(p).all()
    assert p.sum() == pytest.approx(1)


def test_no_expected_class_prior_is_zero():
    p = np.float32([[1, 0, 0]] * 50)
    prior = expected_prior(p, class_prior(np.array([0] * 40 + [1] * 5), 3), 45)
    assert prior.min() > 0
    assert (balanced_answers(p, prior) == 0).all()
