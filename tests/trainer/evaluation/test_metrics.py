"""Metrics of a model, compared with calculations by hand."""

import numpy as np
import pytest

from trainer.data.snapshot import Snapshot
from trainer.evaluation.metrics import attribute_metrics, evaluate
from trainer.stats.calibration import expected_calibration_error

FLAT = np.array([0.5, 0.5])


def test_metrics_match_a_calculation_by_hand():
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7]])
    metrics = attribute_metrics(p, np.array([0, 0, 1, 1]), FLAT, [3, 8], groups=2)
    assert metrics["accuracy"] == 0.75
    assert metrics["recall"] == {"3": 1.0, "8": 0.5}
    assert metrics["balanced_accuracy"] == 0.75
    assert metrics["support"] == {"3": 2, "8": 2}
    assert metrics["ece"] == pytest.approx((0.1 + 0.2 + 0.6 + 0.3) / 4)


def test_recall_uses_the_balanced_answer_and_accuracy_the_suggestion():
    p = np.array([[0.9, 0.1], [0.7, 0.3]])
    metrics = attribute_metrics(p, np.array([0, 1]), np.array([0.8, 0.2]), [0, 1], groups=2)
    assert metrics["accuracy"] == 0.5
    assert metrics["suggested_balanced_accuracy"] == 0.5
    assert metrics["balanced_accuracy"] == 1.0


@pytest.mark.parametrize("labels", [[], [1, 1]])
def test_a_metric_that_cannot_be_computed_is_none(labels):
    metrics = attribute_metrics(
        np.tile(FLAT, (len(labels), 1)), np.array(labels, np.int64), FLAT, [0, 1], groups=0
    )
    assert metrics["balanced_accuracy"] is None
    assert (metrics["accuracy"] is None) == (not labels)
    assert (metrics["ece"] is None) == (not labels)


def test_a_class_without_images_has_no_recall():
    metrics = attribute_metrics(np.eye(3), np.array([0, 1, 1]), np.full(3, 1 / 3), [0, 1, 2], groups=3)
    assert "2" not in metrics["recall"]
    assert metrics["balanced_accuracy"] == 0.75


def test_calibrated_probabilities_have_no_calibration_error():
    p = np.array([[0.75, 0.25]] * 4)
    assert expected_calibration_error(p, np.array([0, 0, 0, 1])) == pytest.approx(0)


def test_metrics_use_only_the_labelled_images_of_their_split(faces):
    snapshot = Snapshot.open(faces)
    p = np.tile(np.float32([0.6, 0.4]), (len(snapshot), 1))
    metrics = evaluate(snapshot, {"glasses": p}, {"glasses": FLAT})
    assert list(metrics) == ["glasses"]
    for split in ("val", "test"):
        rows = (snapshot.splits == split) & (snapshot.labels["glasses"] >= 0)
        assert metrics["glasses"][split]["images"] == rows.sum()
        assert metrics["glasses"][split]["groups"] == len(set(snapshot.groups[rows]))
