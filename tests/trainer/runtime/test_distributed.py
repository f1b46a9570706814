"""Two processes under torchrun train and score like one, and score every image once."""

import csv
import json
import os
import signal
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from tests.support.drawn_snapshot import draw_faces
from tests.support.paths import CHECKOUT
from tests.support.small_run import draw_snapshot
from tests.support.training_commands import call as run_command
from tests.support.training_commands import call_together, command, fit_until_killed, run_together
from trainer import presets
from trainer.finetune.saved_model import load_model
from trainer.probe.sources import VIEWS
from trainer.rounds.predictions import Predictions

SETTINGS = {
    "network": "squeezenet1_1", "pretrained": "false", "batch_norm": "trained", "image_size": 64, "epochs": 2,
    "batch_size": 7, "threads": 1, "workers": 0, "dropout": 0, "frozen_stages": 0, "optimizer": "sgd",
    "learning_rate": 0.01, "head_learning_rate": 0.01, "precision": "auto",
}  # fmt: skip

QUICK = {
    "network": "s0_resnet32", "pretrained": False, "batch_norm": "trained", "image_size": 80, "batch_size": 16, "epochs": 1, "dropout": 0,
}  # fmt: skip
"""Settings of a small network with batch statistics in place of the default preset."""


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


def options(settings):
    return [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A snapshot of 47 images, a run of one process and a run of two."""
    folder = tmp_path_factory.mktemp("processes")
    draw_snapshot(folder / "snapshot", images=47)
    for number, caller in ((1, call), (2, torchrun)):
        caller("fit", folder / "snapshot", "--to", folder / f"run{number}", *options(SETTINGS))
    return folder


def test_two_processes_score_like_one_and_no_image_twice(runs, tmp_path):
    model, snapshot = runs / "run1/model", runs / "snapshot"
    one = call("evaluate", model, snapshot, "--json")
    call_together(2, "evaluate", model, snapshot, "--json", output=tmp_path / "output")
    two = (tmp_path / "output").read_text()
    assert json.loads(one) == json.loads(two)
    splits = json.loads(two)["metrics"]["mark"]
    assert sum(found["images"] for found in splits.values()) == 47 - 3  # three have no label


def test_two_processes_predict_like_one_and_write_once(runs, tmp_path):
    model, snapshot = runs / "run1/model", runs / "snapshot"
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    images = [snapshot / "images", bad, snapshot / "images"]  # 95 files: two batches
    for number, caller in enumerate((call, partial(call_together, 2))):
        caller("predict", model, snapshot, "--to", tmp_path / f"p{number}")
        caller("predict-images", model, *images, "--to", tmp_path / f"{number}.csv")
    answers = [(tmp_path / f"{number}.csv").read_bytes() for number in (0, 1)]
    assert answers[0] == answers[1]
    assert answers[0].count(b"\n") == 1 + 94
    one, two = ((tmp_path / f"p{number}/predictions.arrow").read_bytes() for number in (0, 1))
    assert one == two


def test_two_processes_share_the_features_of_a_probe(tmp_path):
    faces = draw_faces(tmp_path / "faces", 24, labelled=20)
    call("round", faces, "--to", tmp_path / "round", "--cache", tmp_path / "one")
    call_together(
        2, "predict", tmp_path / "round/model", faces, "--to", tmp_path / "p", "--cache", tmp_path / "two"
    )
    names = {}
    for cache in ("one", "two"):
        files = [file.read_bytes() for file in (tmp_path / cache).glob("*/images.sha256")]
        names[cache] = {content[i : i + 32] for content in files for i in range(0, len(content), 32)}
        assert [len(content) for content in files] == [32 * 24] * len(VIEWS), "no image was computed twice"
    assert names["one"] == names["two"]
    tables = [Predictions.open(folder).table for folder in (tmp_path / "round/predictions", tmp_path / "p")]
    assert tables[0]["order"] == tables[1]["order"]


def test_a_command_for_one_process_refuses_torchrun(monkeypatch, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", "2")
    result = run_command("compare", "here", "--to", tmp_path / "grid", "--models", "small")
    assert result.exit_code == 2
    assert "The command compare works in one process" in result.stderr
    assert not (tmp_path / "grid").exists()


def difference(runs, first, second):
    """The largest difference of a trained tensor between two runs, in proportion to its norm."""
    one, two = (load_model(runs / f"{run}/model").network.state_dict() for run in (first, second))
    return max(  # without batch statistics
        ((t - two[name]).norm() / t.norm()).item() for name, t in one.items() if t.ndim > 1
    )


def rounding_of(runs, *names):
    """The difference that rounding makes. A processor may be faster with bfloat16, which has 8 bits."""
    measured = [json.loads((runs / f"{name}/precision.json").read_bytes()) for name in names]
    return 1e-4 if all(run["precision"] == "float32" for run in measured) else 1e-2


def metrics_of(run):
    with (run / "metrics.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_two_processes_train_the_weights_of_one_except_for_rounding(runs):
    assert difference(runs, "run1", "run2") < rounding_of(runs, "run1", "run2")
    rows = metrics_of(runs / "run2")
    assert len(rows) == SETTINGS["epochs"]
    assert json.loads((runs / "run2/status.json").read_bytes()) == {"state": "done"}
    assert np.isfinite(float(rows[-1]["loss"]))


def test_a_run_records_the_speed_of_every_process_and_of_all(runs):
    names = ["images_per_second", "images_per_second:0", "images_per_second:1"]
    for row in metrics_of(runs / "run2"):
        assert all(float(row[name]) > 0 for name in names)
    assert [name for name in metrics_of(runs / "run1")[0] if name in names] == names[:1]


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2)])
def test_a_killed_run_goes_on_with_another_number_of_processes(runs, before, after, soak):
    if before == 1 and not soak:
        pytest.skip("make soak runs both directions")
    name = f"from {before} to {after}"
    settings = (*(f"{name}={value}" for name, value in SETTINGS.items()), "checkpoint_steps=1")
    killed = run_together(before, fit_until_killed, runs / "snapshot", runs / name, settings, 7)
    assert killed == [-signal.SIGKILL] * before
    call_together(after, "fit", runs / "snapshot", "--to", runs / name, *options(SETTINGS))
    starts = json.loads((runs / name / "environment.json").read_bytes())["starts"]
    assert [start["processes"] for start in starts] == [before, after]
    assert difference(runs, "run1", name) < rounding_of(runs, "run1", name)
    rows = metrics_of(runs / name)
    assert [bool(row["images_per_second:1"]) for row in rows] == [before == 2, after == 2]


@pytest.mark.parametrize("change", [{"head_epochs": 1, "precision": "float32"}, {"precision": "bfloat16"}])
def test_two_processes_train_like_one_when_other_parameters_join_and_in_bfloat16(runs, change, soak):
    if "head_epochs" not in change and not soak:
        pytest.skip("make soak runs it: a processor without bfloat16 is slow")
    for count in (1, 2):
        to = runs / f"{change['precision']}{count}"
        call_together(count, "fit", runs / "snapshot", "--to", to, *options(SETTINGS | change))
    rounding = 1e-4 if change["precision"] == "float32" else 1e-2
    assert 0 < difference(runs, f"{change['precision']}1", f"{change['precision']}2") < rounding
    if "head_epochs" in change:
        assert difference(runs, "run1", "float321") > 1e-3, "the heads were trained alone first"


def refused(number, arguments, tmp_path):
    """Call a command in processes that refuse it, and return what they say."""
    codes = run_together(number, command, arguments, tmp_path / "said")
    assert all(codes), codes
    return (tmp_path / "said").read_text()


def test_more_processes_than_images_of_a_batch_are_refused(tmp_path):
    draw_snapshot(tmp_path / "snapshot", images=4)
    settings = options(SETTINGS | {"batch_size": 8})
    said = refused(4, ["fit", tmp_path / "snapshot", "--to", tmp_path / "run", *settings], tmp_path)
    assert "3 train images in batches of 8 are too few for 4 processes" in said


def fit_apart(snapshot, folder):
    command(["fit", snapshot, "--to", folder / os.environ["RANK"], *options(SETTINGS)], folder / "said")


def test_machines_that_do_not_share_the_folder_of_the_run_are_refused(runs, tmp_path):
    assert all(run_together(2, fit_apart, runs / "snapshot", tmp_path))
    assert "1 is not the same folder for all processes" in (tmp_path / "said").read_text()


def quick_round(arguments):
    """A round whose network is small, in one of several processes."""
    presets.preset = lambda _: QUICK
    command(arguments)


def test_two_processes_share_a_round_of_the_engine_cnn_but_not_of_the_others(tmp_path):
    faces, cache = draw_faces(tmp_path / "faces", 40, labelled=36), ["--cache", tmp_path / "cache"]
    arguments = ["round", faces, "--to", tmp_path / "round", *cache]
    assert "The engine probe works in one process, but 2 were started" in refused(2, arguments, tmp_path)
    assert not (tmp_path / "round").exists()
    progress = tmp_path / "progress"
    arguments += ["--engine", "cnn", "--strategy", "margin", "--progress", progress]
    assert run_together(2, quick_round, arguments) == [0, 0]
    stages = [json.loads(line)["stage"] for line in progress.read_text().splitlines()]
    assert list(dict.fromkeys(stages)) == ["train", "predict", "evaluate"]
    call("predict", tmp_path / "round/model", faces, "--to", tmp_path / "p", "--strategy", "margin", *cache)
    two, one = ((tmp_path / f"{path}/predictions.arrow").read_bytes() for path in ("round/predictions", "p"))
    assert one == two
