"""What answers are worth for certified filling, per second of the person."""

import numpy as np
import pytest

from tests.support.acquisition.pools import one_attribute
from trainer.acquisition import STRATEGIES
from trainer.acquisition.fill import STEP, worth_of
from trainer.acquisition.fillable import fillable
from trainer.acquisition.pace import Pace
from trainer.data.snapshot import UNLABELLED

MANY = np.array([1e6, 1e6])


def test_cells_are_filled_by_falling_confidence_until_the_errors_are_used_up():
    confidence = np.array([0.6, 0.99, 0.9, 0.8])
    missed = np.array([[0.9, 0], [0, 0], [0.9, 0], [0.3, 0]])
    assert fillable(confidence, missed, 100, MANY).tolist() == [False, True, True, False]
    assert fillable(confidence, missed, 1000, MANY).all()
    assert not fillable(confidence, missed + 2, 100, MANY).any()


def test_a_class_of_which_too_many_would_be_missed_ends_the_filling():
    confidence, missed = np.array([0.9, 0.8, 0.7]), np.array([[0, 0.4], [0, 0.4], [0, 0.4]])
    assert fillable(confidence, missed, 10_000, np.array([1e6, 20])).tolist() == [True, True, False]
    assert fillable(confidence, missed, 10_000, MANY).all()


def rare_class_unsure() -> tuple[np.ndarray, np.ndarray]:
    """Answers for 2,000 images of a common class, a rare one that is often missed, and a third that is plain."""
    bald = np.concatenate([np.full(600, 0.004), np.full(1000, 0.0001), np.full(20, 0.4), np.full(380, 0)])
    third = np.concatenate([np.zeros(1620), np.full(380, 0.999)])
    labels = np.full(2000, UNLABELLED)
    labels[600:660] = 0
    labels[1600:1602] = 1
    labels[1620:1660] = 2
    return np.stack([1 - bald - third, bald, third], axis=1), labels


def test_a_label_gains_most_for_the_class_whose_recall_is_the_bottleneck():
    p, labels = rare_class_unsure()
    worth = worth_of(one_attribute(p, labels), "hair")
    assert worth.fillable[700:1600].all()
    assert not worth.fillable[1602:1620].any()
    assert worth.gain.argmax() == 1
    assert worth.gain[1] > 10 * max(worth.gain[2], 1 / STEP)
    assert (worth.gain >= 0).all()


def test_images_that_probably_show_the_bottleneck_come_first_and_then_others():
    p, labels = rare_class_unsure()
    order = STRATEGIES["fill"].arrange(one_attribute(p, labels))
    assert set(order[:5]) <= set(range(1602, 1620))
    assert not set(order[:100]) & set(range(700, 1600)), "what can be filled is not asked"


def test_an_image_that_is_confirmed_comes_before_one_that_teaches_more_if_answers_are_dear():
    p = np.full((20, 2), 0.5)
    p[10:] = [0.7, 0.3]
    surer_first = {}
    for answer in (0.0, 100.0):
        pace = Pace(answer=answer, confirmation=0.0)
        order = STRATEGIES["fill"].arrange(one_attribute(p, np.full(20, UNLABELLED), pace=pace))
        surer_first[answer] = bool(order[0] >= 10)
    assert surer_first == {0.0: False, 100.0: True}


def test_a_cost_is_the_expected_seconds_of_a_confirmation_or_an_answer():
    assert Pace(1, 0.5, 0.1).of_cells(np.array([1, 0, 0.5])).tolist() == pytest.approx([0.1, 0.5, 0.3])
