"""The posterior of a cell from who answered what: Bayes' rule from kept error rates."""

import numpy as np
import pytest

from annotator.domain.agreement.dawid_skene import dawid_skene
from annotator.domain.agreement.posterior import LabellerModel
from annotator.domain.agreement.ratings import Ratings


def simulated(items: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """True codes, and (item, rater, code) of three raters who are right in 95, 85 and 70 %."""
    random = np.random.default_rng(seed)
    truth = (random.random(items) < 0.3).astype(np.int64)
    item, rater = np.repeat(np.arange(items), 3), np.tile([1, 2, 3], items)
    right = random.random(3 * items) < np.tile([0.95, 0.85, 0.7], items)
    return truth, item, rater, np.where(right, truth[item], 1 - truth[item])


def test_an_answer_multiplies_its_likelihood():
    model = LabellerModel(
        (0, 1, None),
        np.array([0.7, 0.2, 0.1]),
        (4, 9),
        np.array([
            [[0.9, 0.05, 0.05], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4]],
            [[0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]],
            [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]],
        ]),
        100,
    )  # fmt: skip
    cells = np.array([0, 0, 1, 1, 1, 2]), np.array([9, 4, 4, 9, 77, 4]), np.array([1, 0, 1, 1, -1, 5])
    p = model.posteriors(*cells)
    first = np.array([0.7 * 0.3 * 0.9, 0.2 * 0.8 * 0.2, 0.1 * 0.2 * 0.3])
    second = np.array([0.7 * 0.05 * 0.3 * 0.1, 0.2 * 0.7 * 0.8 * 0.1, 0.1 * 0.3 * 0.2 * 0.8])
    np.testing.assert_allclose(p, [first / first.sum(), second / second.sum(), [0, 0, 0]])
    assert model.accuracy(4) == pytest.approx((0.9 + 0.7 + 0.4) / 3)
    assert model.accuracy(77) == pytest.approx(0.8)


def test_the_kept_model_answers_almost_like_the_estimate_that_it_was_made_from():
    _, item, rater, code = simulated(4000)
    fit = dawid_skene(Ratings.columns(item, rater, code))
    model = LabellerModel.of(fit, [0, 1, None])
    assert model.codes == (0, 1, None)
    assert model.raters == (1, 2, 3)
    np.testing.assert_allclose(model.confusions.sum(axis=2), 1)
    difference = model.posteriors(item, rater, code)[:, :2] - fit.posteriors
    assert np.abs(difference).max() < 0.03


def test_posteriors_are_about_as_often_right_as_they_say():
    truth, item, rater, code = simulated(4000, seed=1)
    p = LabellerModel.of(dawid_skene(Ratings.columns(item, rater, code)), [0, 1]).posteriors(
        item, rater, code
    )
    right = p.argmax(axis=1) == truth
    for low, high in ((0.5, 0.8), (0.8, 0.95), (0.95, 0.99), (0.99, 1.01)):
        band = (p.max(axis=1) >= low) & (p.max(axis=1) < high)
        assert abs(right[band].mean() - p.max(axis=1)[band].mean()) < 0.06 if band.sum() > 100 else True


def test_a_few_right_answers_do_not_make_a_labeller_infallible():
    item, rater, code = np.repeat(np.arange(5), 2), np.tile([1, 2], 5), np.zeros(10, np.int64)
    model = LabellerModel.of(dawid_skene(Ratings.columns(item, rater, code)), [0, 1])
    assert 0.9 < model.confusions[0, 0, 0] < 0.97  # five of five
    assert model.confusions[0, 1, 1] == pytest.approx(0.8)  # nothing is known of it
