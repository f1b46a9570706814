"""How many members of a rare value are missed: draws have their probabilities, and the interval covers the truth."""

import numpy as np
import pytest

from annotator.domain.rare_values import (
    Recall,
    draw,
    estimate_recall,
    inclusion_probabilities,
    learn_from_answers,
    log_odds,
    recent_answers,
)


def test_a_draw_has_its_size_and_prefers_the_probable():
    scores = np.linspace(-8, 3, 200)
    chances = inclusion_probabilities(scores, 6)
    assert chances.sum() == pytest.approx(6)
    assert (chances <= 1).all()
    assert chances[-1] > 3 * chances[0] > 0
    assert (inclusion_probabilities(scores, 300) == 1).all()
    assert inclusion_probabilities(np.array([9.0, *[-9.0] * 20]), 15).max() <= 1


def test_every_image_is_drawn_as_often_as_its_probability_says():
    generator = np.random.default_rng(0)
    chances = inclusion_probabilities(np.linspace(-6, 2, 40), 6)
    times = np.zeros(40)
    for _ in range(4000):
        places = draw(chances, generator)
        assert len(places) == len(set(places.tolist())) == 6
        times[places] += 1
    assert np.abs(times / 4000 - chances).max() < 0.03


def _search(seed: int, hidden: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, int]:
    """Scores and answers of a search among 2,000 images by calibrated probabilities, the scores of the rest, found, missed.

    `hidden`: so many members have the score of any image.
    """
    generator = np.random.default_rng(seed)
    scores = np.sort(generator.normal(-4.5, 2.0, 2000))[::-1]
    members = generator.random(2000) < 1 / (1 + np.exp(-scores))
    members[generator.integers(0, 2000, hidden)] = True
    shown = np.zeros(2000, bool)
    for _ in range(14):
        rest = np.flatnonzero(~shown)
        shown[rest[:18]] = True
        shown[rest[18:][draw(inclusion_probabilities(scores[rest[18:]], 6), generator)]] = True
    return (
        scores[shown],
        members[shown],
        scores[~shown],
        int(members[shown].sum()),
        int(members[~shown].sum()),
    )


def _estimate(scores: np.ndarray, members: np.ndarray, rest: np.ndarray, found: int) -> Recall:
    posterior = learn_from_answers(scores, members, found=found, images=len(scores) + len(rest))
    return estimate_recall(posterior, rest, found)


def test_the_interval_covers_the_true_recall():
    covered = 0
    for seed in range(16):
        scores, members, rest, found, missed = _search(seed)
        recall = _estimate(scores, members, rest, found)
        assert recall.low <= recall.recall <= recall.high
        covered += recall.low <= found / (found + missed) <= recall.high
    assert covered >= 14


def test_hidden_members_that_were_drawn_lower_the_recall():
    plain = _estimate(*_search(1)[:4])
    scores, members, rest, found, _ = _search(1, hidden=60)
    assert _estimate(scores, members, rest, found).recall < plain.recall - 0.02


def test_without_a_rest_everything_is_found_and_without_answers_the_interval_is_wide():
    nothing = np.empty(0)
    assert _estimate(np.array([1.0]), np.array([True]), nothing, 1).low == 1
    open_ = _estimate(nothing, np.empty(0, bool), log_odds(np.full(500, 0.02)), 5)
    assert open_.high - open_.low > 0.3
    assert not open_.is_enough
    assert 0 < open_.images_to_target <= 500


def test_the_estimate_learns_from_the_newest_model_that_has_enough_answers():
    models = np.repeat([3, 5, 9], [60, 30, 20])
    assert models[recent_answers(models, 9)].tolist() == [5] * 30 + [9] * 20
    assert models[recent_answers(models, 12)].tolist() == [5] * 30 + [9] * 20
    assert recent_answers(np.repeat([3, 9], [10, 50]), 9).sum() == 50
