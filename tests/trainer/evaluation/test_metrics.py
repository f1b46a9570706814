"""The figures are those that one computes by hand."""

import numpy as np
import pytest

from trainer.data.snapshot import Snapshot
from trainer.evaluation.metrics import evaluate, expected_calibration_error, figures, macro_balanced_accuracy

FLAT = np.array([0.5, 0.5])


def test_figures_by_hand():
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7]])
    found = figures(p, np.array([0, 0, 1, 1]), FLAT, [3, 8], groups=2)
    assert found["accuracy"] == 0.75
    assert found["recall"] == {"3": 1.0, "8": 0.5}
    assert found["balanced_accuracy"] == 0.75
    assert found["support"] == {"3": 2, "8": 2}
    assert found["ece"] == pytest.approx((0.1 + 0.2 + 0.6 + 0.3) / 4)


def test_recall_is_that_of_the_balanced_answer_and_accuracy_that_of_the_suggestion():
    p = np.array([[0.9, 0.1], [0.7, 0.3]])
    found = figures(p, np.array([0, 1]), np.array([0.8, 0.2]), [0, 1], groups=2)
    assert found["accuracy"] == 0.5
    assert found["suggested_balanced_accuracy"] == 0.5
    assert found["balanced_accuracy"] == 1.0


@pytest.mark.parametrize("labels", [[], [1, 1]])
def test_what_cannot_be_computed_is_none(labels):
    found = figures(np.tile(FLAT, (len(labels), 1)), np.array(labels, np.int64), FLAT, [0, 1], groups=0)
    assert found["balanced_accuracy"] is None
    assert (found["accuracy"] is None) == (not labels)
    assert (found["ece"] is None) == (not labels)


def test_a_class_without_images_has_no_recall():
    found = figures(np.eye(3), np.array([0, 1, 1]), np.full(3, 1 / 3), [0, 1, 2], groups=3)
    assert "2" not in found["recall"]
    assert found["balanced_accuracy"] == 0.75


def test_honest_probabilities_have_no_calibration_error():
    p = np.array([[0.75, 0.25]] * 4)
    assert expected_calibration_error(p, np.array([0, 0, 0, 1])) == pytest.approx(0)


def test_figures_rest_on_labelled_images_of_their_split_only(faces):
    snapshot = Snapshot.open(faces)
    p = np.tile(np.float32([0.6, 0.4]), (len(snapshot), 1))
    metrics = evaluate(snapshot, {"glasses": p}, {"glasses": FLAT})
    assert list(metrics) == ["glasses"]
    for split in ("val", "test"):
        rows = (snapshot.splits == split) & (snapshot.labels["glasses"] >= 0)
        assert metrics["glasses"][split]["images"] == rows.sum()
        assert metrics["glasses"][split]["groups"] == len(set(snapshot.groups[rows]))
    assert macro_balanced_accuracy(metrics, "test") == metrics["glasses"]["test"]["balanced_accuracy"]
