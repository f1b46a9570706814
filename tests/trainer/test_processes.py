"""Two processes under torchrun train what one trains, and score every image once with the same digits."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.trainer.drawn import draw_faces
from tests.trainer.small_run import draw_snapshot
from trainer.cli import main
from trainer.predictions import Predictions
from trainer.saved_model import load_model

REPOSITORY = Path(__file__).parents[2]
SETTINGS = {
    "network": "squeezenet1_1", "pretrained": "false", "batch_norm": "trained", "image_size": 64, "epochs": 2,
    "batch_size": 7, "threads": 1, "workers": 0, "dropout": 0, "frozen_stages": 0, "optimizer": "sgd",
    "learning_rate": 0.01, "head_learning_rate": 0.01, "precision": "auto",
}  # fmt: skip


def trainer(*arguments, processes=1):
    command = [sys.executable, "-m", "trainer"]
    if processes > 1:
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        command = [sys.executable, *torchrun, "-m", "trainer"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    arguments = [*command, *map(str, arguments)]
    done = subprocess.run(
        arguments, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The snapshot of 47 images, and a run of one process and one of two."""
    folder = tmp_path_factory.mktemp("processes")
    draw_snapshot(folder / "snapshot", images=47)
    settings = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]
    for number in (1, 2):
        trainer("fit", folder / "snapshot", "--to", folder / f"run{number}", *settings, processes=number)
    return folder


def test_two_processes_score_with_the_digits_of_one_and_no_image_twice(runs):
    model, snapshot = runs / "run1/model", runs / "snapshot"
    one = trainer("evaluate", model, snapshot, "--json")
    two = trainer("evaluate", model, snapshot, "--json", processes=2)
    assert json.loads(one) == json.loads(two)
    splits = json.loads(two)["metrics"]["mark"]
    assert sum(found["images"] for found in splits.values()) == 47 - 3  # three are not answered


def test_two_processes_predict_what_one_does_and_write_it_once(runs, tmp_path):
    model, snapshot = runs / "run1/model", runs / "snapshot"
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    images = [snapshot / "images", bad, snapshot / "images"]  # 95 files: two batches
    for number in (1, 2):
        trainer("predict", model, snapshot, "--to", tmp_path / f"p{number}", processes=number)
        said = trainer("predict-images", model, *images, "--to", tmp_path / f"{number}.csv", processes=number)
        assert said == f"94 images in {tmp_path / f'{number}.csv'}, 1 could not be read.\n"
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
    one, two = ((tmp_path / f"p{number}/predictions.arrow").read_bytes() for number in (1, 2))
    assert one == two


def test_two_processes_share_the_features_of_a_probe(tmp_path):
    faces = draw_faces(tmp_path / "faces", 40, labelled=36)
    trainer("round", faces, "--to", tmp_path / "round", "--cache", tmp_path / "one")
    trainer(
        "predict", tmp_path / "round/model", faces, "--to", tmp_path / "p", "--cache", tmp_path / "two", processes=2,
    )  # fmt: skip
    names = {}
    for cache in ("one", "two"):
        (digests,) = (tmp_path / cache).glob("*/images.sha256")
        names[cache] = {digests.read_bytes()[i : i + 32] for i in range(0, digests.stat().st_size, 32)}
        assert digests.stat().st_size == 32 * 40, "no image was computed twice"
    assert names["one"] == names["two"]
    tables = [Predictions.open(folder).table for folder in (tmp_path / "round/predictions", tmp_path / "p")]
    assert tables[0]["order"] == tables[1]["order"]


def test_a_command_that_cannot_share_its_work_refuses_to_run_in_several_processes(monkeypatch, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", "2")
    result = CliRunner().invoke(
        main, ["compare", "here", "--to", str(tmp_path / "grid"), "--models", "small"]
    )
    assert result.exit_code == 2
    assert "The command compare works in one process" in result.stderr
    assert not (tmp_path / "grid").exists()


def test_two_processes_train_the_weights_of_one_but_for_rounding_and_write_one_run(runs):
    first, second = (load_model(runs / f"run{number}/model").network.state_dict() for number in (1, 2))
    trained = [name for name, tensor in first.items() if tensor.ndim > 1]
    for name in trained:
        difference = (first[name] - second[name]).norm() / first[name].norm()  # without batch statistics
        assert difference < 1e-4, name
    rows = (runs / "run2/metrics.csv").read_text().splitlines()
    assert len(rows) == 1 + SETTINGS["epochs"]
    assert json.loads((runs / "run2/status.json").read_bytes()) == {"state": "done"}
    assert np.isfinite(float(rows[-1].split(",")[1]))
