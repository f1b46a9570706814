"""The full evaluation: metrics match scikit-learn, intervals cover the truth, and the report is deterministic."""

import numpy as np
import pytest
from sklearn import metrics

from tests.support.small_run import draw_snapshot
from trainer.evaluation.class_metrics import confusion_by_group, describe, rates
from trainer.evaluation.full_report import evaluate_fully, reliability
from trainer.evaluation.outputs import Answers
from trainer.evaluation.roc_auc import auroc, auroc_interval
from trainer.stats.calibration import null_band

RANDOM = np.random.default_rng(5)
LABELS = RANDOM.integers(0, 3, 200)
ANSWERS = np.where(RANDOM.random(200) < 0.7, LABELS, RANDOM.integers(0, 3, 200))
GROUPS = np.array([f"g{n}" for n in RANDOM.integers(0, 40, 200)])


def test_metrics_match_scikit_learn():
    found = rates(confusion_by_group(ANSWERS, LABELS, GROUPS, 3).sum(axis=0))
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(LABELS, ANSWERS)
    np.testing.assert_allclose(found.precision, precision)
    np.testing.assert_allclose(found.recall, recall)
    np.testing.assert_allclose(found.f1, f1)
    assert found.macro_f1 == pytest.approx(metrics.f1_score(LABELS, ANSWERS, average="macro"))
    assert found.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(LABELS, ANSWERS))
    assert found.accuracy == pytest.approx(metrics.accuracy_score(LABELS, ANSWERS))


def test_the_area_under_the_curve_matches_scikit_learn_with_ties():
    scores = RANDOM.random(200).round(1)
    assert auroc(scores, LABELS == 1) == pytest.approx(metrics.roc_auc_score(LABELS == 1, scores), abs=1e-6)
    assert auroc(scores, np.zeros(200, bool)) is None


def test_the_interval_of_an_area_covers_the_truth_for_correlated_groups():
    """The scores of a person's faces are shifted together, and all faces of a person have the same label."""
    random, people, each, true = np.random.default_rng(1), 40, 5, 0.9
    apart = 2**0.5 * 1.2816  # the 90th percentile of the normal distribution
    covered = 0
    for _ in range(200):
        has = random.random(people) < 0.3
        person = np.repeat(np.arange(people), each)
        shared, own = random.normal(size=people)[person], random.normal(size=people * each)
        scores = apart * has[person] + 0.5**0.5 * (shared + own)
        low, high = auroc_interval(scores, has[person], person.astype(str))
        covered += low <= true <= high
    assert 0.93 <= covered / 200 <= 0.995


def test_a_perfect_area_has_an_interval_but_not_with_two_people():
    positive = np.arange(20) < 10
    low, high = auroc_interval(positive.astype(float), positive, np.arange(20).astype(str))
    assert 0.7 < low < 0.97
    assert high == pytest.approx(1)
    few = np.arange(20).astype(str)
    few[:10] = ["a", "b"] * 5
    assert auroc_interval(positive.astype(float), positive, few) is None


def test_the_confusion_matrix_has_the_right_class_in_its_rows():
    described = describe(
        confusion_by_group(np.array([1, 1]), np.array([0, 1]), np.array(["a", "b"]), 2), [4, 7]
    )
    assert described["confusion"] == [[0, 1], [0, 1]]
    assert described["recall"] == {"4": 0.0, "7": 1.0}
    assert described["precision"] == {"7": 0.5}


def test_intervals_by_group_are_wider_than_by_image_for_correlated_groups():
    people = np.repeat(np.arange(20), 30)
    labels = people % 2
    answers = np.where(people % 5 == 0, 1 - labels, labels)
    names = people.astype(str)

    def width(groups):
        low, high = describe(confusion_by_group(answers, labels, groups, 2), [0, 1])["accuracy_interval"]
        return high - low

    assert width(names) > 3 * width(np.arange(600).astype(str))


def test_the_null_band_contains_the_error_of_calibrated_but_not_of_overconfident_probabilities():
    p = RANDOM.random(2000) / 2 + 0.5
    probabilities = np.stack([1 - p, p], axis=1)
    labels = (RANDOM.random(2000) < p).astype(np.int64)

    def error(chances):
        bins = reliability(chances, labels)
        return sum(b["images"] * abs(b["confidence"] - b["right"]) for b in bins) / len(labels)

    alone = np.arange(2000).astype(str)
    low, high = null_band(probabilities, labels, alone, simulations=1000)
    assert low <= error(probabilities) <= high
    overconfident = probabilities**3 / (probabilities**3).sum(axis=1, keepdims=True)
    assert error(overconfident) > null_band(overconfident, labels, alone, simulations=1000)[1]


def test_the_full_report_is_deterministic_and_has_splits_and_subgroups(tmp_path):
    snapshot = draw_snapshot(tmp_path / "snapshot")
    p = {
        "colour": RANDOM.dirichlet(np.ones(3), len(snapshot)).astype(np.float32),
        "mark": RANDOM.dirichlet(np.ones(2), len(snapshot)).astype(np.float32),
    }
    priors = {"colour": np.full(3, 1 / 3), "mark": np.full(2, 1 / 2)}
    answers = Answers(p, priors, {"colour": 100, "mark": 100}, {})
    found = evaluate_fully(snapshot, answers)
    assert found == evaluate_fully(snapshot, answers)
    train = found["colour"]["train"]
    assert train["images"] == sum(map(sum, train["balanced"]["confusion"]))
    assert found["colour"]["test"]["images"] == 0
    assert found["colour"]["test"]["balanced"]["balanced_accuracy"] is None
    assert set(train["subgroups"]["mark"]) <= {"0", "1"}
    assert set(found["mark"]["train"]["auroc"]) == {"0", "1"}
    for code, area in found["mark"]["train"]["auroc"].items():
        low, high = found["mark"]["train"]["auroc_interval"][code]
        assert low < area < high
    subgroup = train["subgroups"]["mark"]["1"]
    low, high = subgroup["accuracy_interval"]
    assert low < subgroup["accuracy"] < high
