"""The trainer's command line: exit codes, error messages, machine-readable output."""

import json
import subprocess
import sys

import pytest

from tests.support.paths import CHECKOUT
from tests.support.training_commands import call
from trainer.acquisition import STRATEGIES
from trainer.rounds.predictions import Predictions


@pytest.fixture(scope="module")
def model(faces, cache, tmp_path_factory):
    to = tmp_path_factory.mktemp("command") / "round"
    result = call("round", faces, "--to", to, "--cache", cache, "--json")
    assert result.exit_code == 0
    return json.loads(result.stdout)["model"]


def test_evaluate_prints_the_metrics_of_every_attribute(model, faces, cache):
    result = call("evaluate", model, faces, "--cache", cache, "--json")
    metrics = json.loads(result.stdout)["metrics"]
    assert set(metrics) == {"glasses", "hair", "not_human"}
    assert metrics["glasses"]["val"]["balanced_accuracy"] > 0.8
    assert "glasses" in call("evaluate", model, faces, "--cache", cache).stdout


def test_predict_writes_a_complete_folder_and_never_overwrites_it(model, faces, cache, tmp_path):
    arguments = ("predict", model, faces, "--to", tmp_path / "p", "--cache", cache, "--strategy", "entropy")
    assert call(*arguments).exit_code == 0
    assert Predictions.open(tmp_path / "p").manifest["strategy"] == "entropy"
    again = call(*arguments)
    assert again.exit_code == 1
    assert "They were not changed." in again.stderr


def test_models_lists_engines_networks_and_strategies():
    listed = json.loads(call("models", "--json").stdout)
    assert listed["strategies"] == list(STRATEGIES)
    assert {"probe", "cnn"} <= set(listed["engines"])
    assert "efficientnet_lite0" in call("models").stdout


def test_a_folder_without_a_snapshot_is_refused(tmp_path, cache):
    result = call("round", tmp_path, "--to", tmp_path / "round", "--cache", cache)
    assert result.exit_code == 1
    assert "has no manifest.json" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("round",),
        ("round", "here", "--to", "there", "--strategy", "luck"),
        ("round", "here", "--to", "there", "--engine", "luck"),
        ("fit", "here", "--to", "there", "--set", "epochs=many"),
        ("fit", "here", "--to", "there", "--set", "luck=1"),
        ("juggle",),
    ],
)
def test_wrong_usage_has_exit_code_2(arguments):
    result = call(*arguments)
    assert result.exit_code == 2
    assert result.stderr


def test_help_does_not_load_torch():
    code = "import sys, trainer.cli; print('torch' in sys.modules, 'trainer.data.snapshot' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


def test_the_command_runs_as_a_module():
    command = [sys.executable, "-m", "trainer", "--version"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("trainer, version ")
