"""A fine-tuned network answers a snapshot like a probe, with calibrated probabilities."""

import json

import numpy as np
import pytest

from tests.support.small_run import CONFIG, draw_snapshot
from tests.support.training_commands import call
from trainer.finetune.run import fit
from trainer.rounds.engines import ask
from trainer.rounds.predictions import Predictions
from trainer.runtime.progress import Progress


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fitted")
    snapshot = draw_snapshot(folder / "snapshot")
    return snapshot, fit(snapshot, folder / "run", CONFIG, progress=lambda *_: None).model


def test_a_fine_tuned_network_returns_probabilities_for_every_image(fitted, tmp_path):
    snapshot, model = fitted
    told: list[Progress] = []
    answers = ask(model, snapshot, tmp_path, told.append)
    assert answers.model["engine"] == "cnn"
    assert answers.model["backbone"] == "small"
    assert set(answers.probabilities) == set(answers.priors) == {"colour", "mark"}
    for p in answers.probabilities.values():
        assert len(p) == len(snapshot)
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert told[-1] == Progress("predict", len(snapshot), len(snapshot), told[-1].message)


def test_the_command_predict_works_with_a_fine_tuned_network(fitted, tmp_path):
    snapshot, model = fitted
    result = call("predict", model, snapshot.path, "--to", tmp_path / "p", "--json")
    assert set(json.loads(result.stdout)["metrics"]) == {"colour", "mark"}
    assert Predictions.open(tmp_path / "p").probabilities("colour").shape == (len(snapshot), 3)
