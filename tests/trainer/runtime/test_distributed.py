"""Two processes under torchrun train and score like one, and score every image once."""

import json
import os
import socket
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from tests.support.drawn_snapshot import draw_faces
from tests.support.forked import processes
from tests.support.paths import CHECKOUT
from tests.support.small_run import draw_snapshot
from tests.support.training_commands import call as run_command
from trainer.cli import main
from trainer.finetune.saved_model import load_model
from trainer.probe.sources import VIEWS
from trainer.rounds.predictions import Predictions

SETTINGS = {
    "network": "squeezenet1_1", "pretrained": "false", "batch_norm": "trained", "image_size": 64, "epochs": 2,
    "batch_size": 7, "threads": 1, "workers": 0, "dropout": 0, "frozen_stages": 0, "optimizer": "sgd",
    "learning_rate": 0.01, "head_learning_rate": 0.01, "precision": "auto",
}  # fmt: skip


def call(*arguments):
    done = run_command(*arguments)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def torchrun(*arguments):
    command = ["torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "trainer"]
    done = subprocess.run(
        [sys.executable, "-m", *command, *map(str, arguments)],
        cwd=CHECKOUT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A snapshot of 47 images, a run of one process and a run of two."""
    folder = tmp_path_factory.mktemp("processes")
    draw_snapshot(folder / "snapshot", images=47)
    settings = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]
    for number, caller in ((1, call), (2, torchrun)):
        caller("fit", folder / "snapshot", "--to", folder / f"run{number}", *settings)
    return folder


def test_two_processes_score_like_one_and_no_image_twice(runs, tmp_path):
    model, snapshot = runs / "run1/model", runs / "snapshot"
    one = call("evaluate", model, snapshot, "--json")
    call_in_two("evaluate", model, snapshot, "--json", output=tmp_path / "output")
    two = (tmp_path / "output").read_text()
    assert json.loads(one) == json.loads(two)
    splits = json.loads(two)["metrics"]["mark"]
    assert sum(found["images"] for found in splits.values()) == 47 - 3  # three have no label


def be_one_of_two(number, port, arguments, output):
    """Set the environment as torchrun does, and call the command."""
    os.environ |= {
        "RANK": str(number),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    with output.open("a") as stream, redirect_stdout(stream):
        main([str(argument) for argument in arguments])


def call_in_two(*arguments, output=Path(os.devnull)):
    """Call the command in two forked processes, which need not load torch as those of torchrun do."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    two = [
        processes().Process(target=be_one_of_two, args=(number, port, arguments, output)) for number in (0, 1)
    ]
    for process in two:
        process.start()
    for process in two:
        process.join()
    assert [process.exitcode for process in two] == [0, 0]


def test_two_processes_predict_like_one_and_write_once(runs, tmp_path):
    model, snapshot = runs / "run1/model", runs / "snapshot"
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    images = [snapshot / "images", bad, snapshot / "images"]  # 95 files: two batches
    for number, caller in enumerate((call, call_in_two)):
        caller("predict", model, snapshot, "--to", tmp_path / f"p{number}")
        caller("predict-images", model, *images, "--to", tmp_path / f"{number}.csv")
    answers = [(tmp_path / f"{number}.csv").read_bytes() for number in (0, 1)]
    assert answers[0] == answers[1]
    assert answers[0].count(b"\n") == 1 + 94
    one, two = ((tmp_path / f"p{number}/predictions.arrow").read_bytes() for number in (0, 1))
    assert one == two


def test_two_processes_share_the_features_of_a_probe(tmp_path):
    faces = draw_faces(tmp_path / "faces", 40, labelled=36)
    call("round", faces, "--to", tmp_path / "round", "--cache", tmp_path / "one")
    call_in_two(
        "predict", tmp_path / "round/model", faces, "--to", tmp_path / "p", "--cache", tmp_path / "two"
    )
    names = {}
    for cache in ("one", "two"):
        files = [file.read_bytes() for file in (tmp_path / cache).glob("*/images.sha256")]
        names[cache] = {content[i : i + 32] for content in files for i in range(0, len(content), 32)}
        assert [len(content) for content in files] == [32 * 40] * len(VIEWS), "no image was computed twice"
    assert names["one"] == names["two"]
    tables = [Predictions.open(folder).table for folder in (tmp_path / "round/predictions", tmp_path / "p")]
    assert tables[0]["order"] == tables[1]["order"]


def test_a_command_for_one_process_refuses_torchrun(monkeypatch, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", "2")
    result = run_command("compare", "here", "--to", tmp_path / "grid", "--models", "small")
    assert result.exit_code == 2
    assert "The command compare works in one process" in result.stderr
    assert not (tmp_path / "grid").exists()


def test_two_processes_train_the_weights_of_one_except_for_rounding(runs):
    first, second = (load_model(runs / f"run{number}/model").network.state_dict() for number in (1, 2))
    trained = [name for name, tensor in first.items() if tensor.ndim > 1]
    measured = [json.loads((runs / f"run{number}/precision.json").read_bytes()) for number in (1, 2)]
    # A processor may be faster with bfloat16, which has 8 bits.
    rounding = 1e-4 if all(run["precision"] == "float32" for run in measured) else 1e-2
    for name in trained:
        difference = (first[name] - second[name]).norm() / first[name].norm()  # without batch statistics
        assert difference < rounding, name
    rows = (runs / "run2/metrics.csv").read_text().splitlines()
    assert len(rows) == 1 + SETTINGS["epochs"]
    assert json.loads((runs / "run2/status.json").read_bytes()) == {"state": "done"}
    assert np.isfinite(float(rows[-1].split(",")[1]))
