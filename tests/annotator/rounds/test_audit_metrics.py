"""Metrics on the audit set: their values, the coverage of their intervals, and the advice that follows."""

import numpy as np
import pytest

from annotator.domain.metrics.audit import confusion, difference, measure
from annotator.domain.metrics.learning_curve import expected_gain
from annotator.domain.metrics.statistics import balanced_answers, calibration
from annotator.domain.metrics.stop_advice import advise
from annotator.domain.metrics.throughput import Answered, active_seconds


def measured(right: list[int], labels: list[int], classes: int = 2):
    return measure(np.array(right), np.array(labels, int), classes, np.arange(len(labels)), len(labels))


def test_balanced_accuracy_is_the_mean_of_the_recalls():
    found = measured([0] * 90 + [1] * 5 + [0] * 5, [0] * 90 + [1] * 10)
    assert found.value == pytest.approx(0.75)
    assert found.low < 0.75 < found.high
    assert (found.images, found.groups) == (100, 100)


def test_the_class_balanced_answer_does_not_favour_the_common_class():
    assert balanced_answers(np.array([[0.8, 0.2], [0.95, 0.05]]), np.array([0.9, 0.1])).tolist() == [1, 0]


def test_what_cannot_be_measured_says_why():
    nobody, alike, few = measured([], []), measured([0, 0], [0, 0]), measured([0, 1], [0, 1])
    assert nobody.value is alike.value is None
    assert "no audit image" in nobody.reason
    assert "one value" in alike.reason
    assert (few.value, few.low) == (1.0, None)
    assert "too few for an interval" in few.reason


def test_intervals_cover_the_truth_about_as_often_as_they_say_although_images_come_in_groups():
    random = np.random.default_rng(0)
    people, each, covered = 60, 4, 0
    member = np.repeat(np.arange(people), each)
    for _ in range(200):
        labels = np.repeat(random.integers(0, 2, people), each)
        # A person is easy or hard as a whole: .9 or .6, so that .75 of all answers are right.
        ease = np.repeat(random.choice([0.6, 0.9], people), each)
        answers = np.where(random.random(people * each) < ease, labels, 1 - labels)
        found = measure(answers, labels, 2, member, people)
        covered += found.low <= 0.75 <= found.high
    assert 180 <= covered <= 199


def test_two_models_are_compared_on_the_same_people():
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, 300)
    hard = random.random(300) < 0.3
    old = np.where(hard, 1 - labels, labels)
    new = np.where(hard & (random.random(300) < 0.9), 1 - labels, labels)
    before, after = measured(old.tolist(), labels.tolist()), measured(new.tolist(), labels.tolist())
    value, low, high = difference(after, before)
    assert value == pytest.approx(after.value - before.value)
    assert 0 < low < value < high
    assert high - low < (after.high - after.low) / 2


def test_models_that_answer_alike_may_still_differ_by_an_image():
    labels = [0, 1] * 100
    same = measured([0, 1] * 90 + [1, 0] * 10, labels)
    value, low, high = difference(same, same)
    assert value == 0
    assert -0.03 < low < 0 < high < 0.03


def test_the_confusion_matrix_counts_right_values_in_rows():
    assert confusion(np.array([0, 1, 1, 2]), np.array([0, 0, 1, 2]), 3) == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]


def test_honest_probabilities_lie_in_the_null_band_and_boastful_ones_above_it():
    random = np.random.default_rng(2)
    share = random.uniform(0.5, 1, 400)
    p = np.stack([share, 1 - share], axis=1)
    alone = np.arange(400)
    honest = calibration(p, (random.random(400) > share).astype(int), alone)
    boastful = calibration(
        np.clip(p * [1, 0.2] + [0, 0], 0, 1) / 1, (random.random(400) > 0.5).astype(int), alone
    )
    assert honest.honest
    assert honest.null_low <= honest.error <= honest.null_high
    assert not boastful.honest
    assert sum(part.images for part in honest.bins) == 400
    assert calibration(p[:0], np.array([], int), alone[:0]) is None


def test_the_null_band_is_wider_if_a_person_is_right_or_wrong_as_a_whole():
    random = np.random.default_rng(3)
    p, people = np.full((400, 2), [0.7, 0.3]), np.repeat(np.arange(20), 20)
    labels = (random.random(20) > 0.7).astype(int)[people]
    together, apart = calibration(p, labels, people), calibration(p, labels, np.arange(400))
    assert together.null_high > 3 * apart.null_high
    assert together.honest


def test_a_rare_value_that_few_people_show_makes_the_interval_wide_and_honest():
    random = np.random.default_rng(4)
    people, each, covered, drawn = 60, 4, 0, 0
    member = np.repeat(np.arange(people), each)
    for _ in range(300):
        # One person in twenty shows the value, and of these half are answered wrong as a whole: balanced accuracy is (.95 + .5) / 2.
        rare = random.random(people) < 0.05
        if not rare.any():
            continue
        labels = np.repeat(rare, each).astype(int)
        wrong = np.where(
            labels == 1, (random.random(people) < 0.5)[member], random.random(people * each) < 0.05
        )
        found = measure(np.where(wrong, 1 - labels, labels), labels, 2, member, people)
        covered += found.low <= 0.725 <= found.high
        drawn += 1
    assert covered >= 0.93 * drawn


def test_the_gain_of_further_labels_is_read_off_the_end_of_the_curve():
    labels = [0, 1] * 100
    curve = [
        measured(([0, 1] * 100)[:right] + [1, 0] * ((200 - right) // 2), labels)
        for right in (120, 160, 170, 180)
    ]
    gain = expected_gain([50, 100, 200, 400], curve)
    # From 200 to 400 labels it rose by .05; the next 100 are a third of a doubling.
    assert gain.value == pytest.approx(0.05 * np.log2(5 / 4))
    assert gain.rounds == 2
    assert gain.low <= gain.value <= gain.high
    assert expected_gain([100], curve[:1]) is None
    assert expected_gain([100, 120], curve[:2]) is None  # side by side: the line would point anywhere
    assert expected_gain([50, 100, 105, 110], curve).rounds == 4


def test_advice_is_to_stop_only_when_nothing_speaks_for_going_on():
    labels = [0, 1] * 500
    good = measured([0, 1] * 480 + [1, 0] * 20, labels)
    flat = expected_gain([1000, 2000], [good, good])
    assert advise(2000, good, 0.004, flat).verdict == "stop"
    assert advise(2000, good, 0.2, flat).text == "Go on: predictions are still changing."
    small = measured([0, 1] * 18 + [1, 0] * 2, labels[:40])
    assert "not measured precisely enough" in advise(2000, small, 0.004, flat).text
    rising = expected_gain([100, 200], [measured([0, 1] * 400 + [1, 0] * 100, labels), good])
    assert "more labels still help" in advise(200, good, 0.004, rising).text
    assert advise(0, None, None, None).verdict == "start"
    assert "There is no round yet" in advise(10, None, None, None).text
    alone = advise(10, good, None, None)
    assert (alone.verdict, [check.met for check in alone.checks]) == ("go on", [None, True, None])
    assert "another round" in alone.text


def test_pauses_do_not_count_as_work():
    answers = [
        Answered(moment, 6, took)
        for moment, took in ((0, 7.0), (5, 4.0), (9, 4.0), (4000, 3.0), (4002, None))
    ]
    assert active_seconds(answers) == [7.0, 5, 4, 3.0, 2]
    assert active_seconds([]) == []
