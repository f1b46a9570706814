"""What is promised of the filled cells holds, counted over every sample that can be drawn."""

import json
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from annotator.domain.certificates.basis import basis_json, decide_again
from annotator.domain.certificates.bounds import tolerated
from annotator.domain.certificates.decision import (
    CANNOT_TELL,
    OUTSIDE,
    UNANSWERED,
    Decision,
    Sample,
    decide,
)
from annotator.domain.certificates.target import Allowance, Target, level_of_attempt

NO_RECALL = Target(error=0.2, recall=None, confidence=0.75)
"""Its first attempt is tested at a level of 0.2."""


def decided(
    levels: NDArray[np.int64],
    values: NDArray[np.int64],
    truth: NDArray[np.int64],
    drawn: NDArray[np.int64],
    target: Target,
    labelled: tuple[int, int] = (0, 0),
) -> Decision:
    """The decision about cells of two values, of which some are drawn and answered rightly."""
    population = np.zeros((levels.max(), 2), np.int64)
    np.add.at(population, (levels - 1, values), 1)
    sample = Sample(levels[drawn], values[drawn], truth[drawn])
    return decide(population, sample, np.array(labelled), len(levels) + sum(labelled), target)


@pytest.mark.parametrize("steps", [10, 4])
def test_too_many_errors_are_left_as_rarely_as_promised_whatever_the_truth_is(steps: int):
    images, values = 10, np.zeros(10, np.int64)
    levels = np.arange(images) * steps // images + 1
    samples = [np.array(drawn) for drawn in combinations(range(images), 5)]
    random = np.random.default_rng(0)
    truths = [(np.arange(images) >= images - errors).astype(int) for errors in range(2, 9)]
    truths += [(random.random(images) < share).astype(int) for share in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)]
    shares = []
    for truth in truths:
        broken = 0
        for drawn in samples:
            level = decided(levels, values, truth, drawn, NO_RECALL).level
            filled = np.setdiff1d(np.flatnonzero(levels <= (level or 0)), drawn)
            broken += truth[filled].sum() > 2
        shares.append(broken / len(samples))
    assert 0 < max(shares) <= 0.2


def test_a_recall_is_missed_as_rarely_as_promised_whatever_the_truth_is():
    images = 12
    target = Target(error=1.0, recall=0.7, confidence=0.75)
    values = (np.arange(images) < 3).astype(int)
    levels = np.arange(images) // 3 + 1
    samples = [np.array(drawn) for drawn in combinations(range(images), 7)]
    shares = []
    for missed in range(1, 8):
        truth = np.zeros(images, int)
        truth[:3] = 1
        truth[images - missed :] = 1
        broken = 0
        for drawn in samples[:: 1 + missed % 2]:
            level = decided(levels, values, truth, drawn, target, labelled=(0, 2)).level
            filled = np.setdiff1d(np.flatnonzero(levels <= (level or 0)), drawn)
            lost = ((truth == 1) & (values == 0))[filled].sum()
            broken += 1 - lost / (truth.sum() + 2) < 0.7
        shares.append(broken / len(samples[:: 1 + missed % 2]))
    assert max(shares) <= 0.2


def a_sample(labels: list[int]) -> tuple[NDArray[np.int64], Sample]:
    """A thousand cells in two sets, and a sample of 100 cells filled with 0, of which the first ones have these labels."""
    population = np.array([[600, 0], [400, 0]])
    answers = np.zeros(100, np.int64)
    answers[: len(labels)] = labels
    levels = np.where(np.arange(100) < 60, 1, 2)
    return population, Sample(levels, np.zeros(100, np.int64), answers)


def test_the_largest_set_is_filled_whose_errors_are_tolerated():
    target = Target(error=0.05, recall=None)
    most = tolerated(1000, 100, 50, level_of_attempt(1))
    population, sample = a_sample([])
    labels = sample.labels.copy()
    labels[60 : 61 + most] = 1
    found = decide(population, Sample(sample.levels, sample.values, labels), np.zeros(2, int), 1000, target)
    assert (found.level, found.errors, found.tolerated, found.remaining) == (1, 0, most, 50)
    assert [(s.cells, s.sampled, s.errors, s.accepted) for s in found.steps] == [
        (600, 60, 0, True),
        (1000, 100, most + 1, False),
    ]
    assert found.sentence(["no", "yes"]).startswith("540 cells can be filled")
    assert json.loads(json.dumps(found.to_json()))["level"] == 1


def test_a_cell_without_a_value_counts_as_an_error():
    target = Target(error=0.05, recall=None)
    most = tolerated(1000, 100, 50, level_of_attempt(1))
    for label in (CANNOT_TELL, UNANSWERED):
        enough = decide(*a_sample([label] * most), np.zeros(2, int), 1000, target)
        too_many = decide(*a_sample([label] * (most + 1)), np.zeros(2, int), 1000, target)
        assert (enough.level, too_many.level) == (2, None)
    assert "no blind answer" in too_many.sentence(["no", "yes"])


def test_an_early_yes_stays_a_yes_whatever_the_missing_answers_are():
    random = np.random.default_rng(3)
    target = Target(error=0.06, recall=0.6)
    labelled = np.array([300, 60])
    for _ in range(60):
        truth = (random.random(100) < 0.02).astype(int)
        answered = random.random(100) < random.choice([0.5, 0.97, 1])
        population, sample = a_sample([])
        early, late = (
            decide(population, Sample(sample.levels, sample.values, labels), labelled, 1360, target).level
            or 0
            for labels in (np.where(answered, truth, UNANSWERED), truth)
        )
        assert early <= late


def test_the_bottleneck_of_a_rare_value_is_named():
    population, sample = a_sample([])
    few = decide(population, sample, np.array([900, 10]), 1910, Target(error=0.05, recall=0.95))
    assert (few.level, few.bottleneck, few.recalls[1].tolerated) == (None, 1, -1)
    assert "“yes”" in few.sentence(["no", "yes"])
    population, sample = a_sample([1, 1, 1, 1])
    missed = decide(population, sample, np.array([900, 1000]), 2900, Target(error=0.5, recall=0.95))
    assert (missed.level, missed.bottleneck, missed.recalls[1].missed) == (None, 1, 4)
    assert "missed “yes” 4 times" in missed.sentence(["no", "yes"])


def test_a_set_that_is_mostly_wrong_is_not_filled_even_if_the_target_allows_it():
    target = Target(error=0.5, recall=None)
    worse = decide(*a_sample([1] * 31), np.zeros(2, int), 10_000, target)
    assert worse.steps[0].errors == 31 <= worse.tolerated
    assert (worse.level, worse.bottleneck) == (2, None), "in the larger set most are right"
    worst = decide(*a_sample([1] * 60), np.zeros(2, int), 10_000, target)
    assert (worst.level, worst.bottleneck) == (None, None)
    sampled = worst.steps[0].sampled
    assert worst.sentence(["no", "yes"]) == (
        f"Nothing is filled: the sample showed {worst.errors} errors among the {sampled} cells "
        "that the model is surest of, and a value is never filled where most cells are wrong."
    )


def test_of_a_value_that_no_image_has_nothing_is_promised():
    found = decide(*a_sample([]), np.array([900, 0]), 1900, Target(error=0.05))
    assert [recall.value for recall in found.recalls] == [0]
    assert found.level == 2


def test_errors_of_people_are_taken_from_the_target():
    target = Target(error=0.05, recall=None)
    free = decide(*a_sample([]), np.zeros(2, int), 1000, target)
    people = Allowance(people=0.01, anchoring=0.1, in_sight=50, measured=True)
    strict = decide(*a_sample([]), np.zeros(2, int), 1000, target, allowance=people)
    assert (free.remaining, strict.remaining) == (50, 35)
    too_wrong = Allowance(people=0.1, measured=True)
    none = decide(*a_sample([]), np.zeros(2, int), 1000, target, allowance=too_wrong)
    assert none.level is None
    assert none.remaining == 0


def test_later_attempts_are_tested_more_strictly():
    answers = [0]
    target = Target(error=0.05, recall=None)
    found = [
        decide(*a_sample(answers), np.zeros(2, int), 1000, target, attempt).tolerated for attempt in (1, 2, 3)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[2]


def test_a_decision_can_be_made_again_from_what_it_rests_on():
    target = Target(error=0.05)
    population, sample = a_sample([1, CANNOT_TELL, UNANSWERED, OUTSIDE])
    labelled = np.array([900, 100])
    basis = basis_json([4, 7], population, sample, labelled, 2000, Allowance(people=0.001, measured=True))
    again = decide_again(json.loads(json.dumps(basis)), target, 2)
    assert again == decide(population, sample, labelled, 2000, target, 2, Allowance(0.001, measured=True))
    assert (again.errors, again.unanswered) == (3, 1)
