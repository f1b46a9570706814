"""Features, fit, resume and evaluate on NVIDIA GPUs: the same answers as on the CPU, and the speed of both.

`pytest -m cuda -s tests/trainer/runtime/test_cuda.py` prints the images per second. Commands run in separate processes: on
all GPUs under torchrun, on one, or on none.
"""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.drawn_snapshot import draw_faces
from tests.support.paths import CHECKOUT
from trainer.rounds.predictions import Predictions

GPUS = torch.cuda.device_count()
IMAGES, EPOCHS = 1000, 2
SETTINGS = [
    "--preset",
    "default",
    "--set",
    f"epochs={EPOCHS}",
    "--set",
    "cache_megabytes=0",
    "--set",
    "checkpoint_steps=1",
]

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(
        GPUS == 0, reason="no CUDA device: this machine has no NVIDIA GPU, or torch does not see it"
    ),
    pytest.mark.timeout(600),
]


def start(*arguments: object, gpus: int) -> subprocess.Popen[str]:
    """Start a command of the trainer: on no GPU, on the first one, or under torchrun with a process for each."""
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={gpus}"] if gpus > 1 else []
    visible = {} if gpus else {"CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        [sys.executable, *launcher, "-m", "trainer", *map(str, arguments)],
        cwd=CHECKOUT,
        env=os.environ | visible | {"FACELABEL_OPENVINO": "0"},
        text=True,
        stdout=subprocess.PIPE,
    )


def call(*arguments: object, gpus: int) -> tuple[str, float]:
    """Run a command to its end; return what it printed, and the seconds."""
    started = time.perf_counter()
    process = start(*arguments, gpus=gpus)
    printed, _ = process.communicate()
    assert process.returncode == 0
    return printed, time.perf_counter() - started


def speed_of(run: Path) -> float:
    with (run / "metrics.csv").open(newline="") as stream:
        return float(list(csv.DictReader(stream))[-1]["images_per_second"])


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_faces(tmp_path_factory.mktemp("cuda") / "faces", IMAGES, labelled=IMAGES)


@pytest.fixture(scope="module")
def model(faces: Path) -> Path:
    """The model of a run on the first GPU."""
    call("fit", faces, "--to", faces.parent / "run", *SETTINGS, gpus=1)
    return faces.parent / "run" / "model"


def test_features_on_a_gpu_give_the_answers_of_the_cpu(faces: Path, tmp_path: Path):
    answers = {}
    for gpus in (1, 0):
        to = tmp_path / str(gpus)
        _, seconds = call("round", faces, "--to", to, "--cache", tmp_path / f"cache{gpus}", gpus=gpus)
        print(f"a round of a probe, features of {IMAGES} images included, {gpus} GPU: {seconds:.1f} s")
        answers[gpus] = Predictions.open(to / "predictions").table["glasses"].to_pylist()
    assert np.mean([one == other for one, other in zip(answers[0], answers[1], strict=True)]) > 0.98


def test_a_fine_tuned_network_scores_on_a_gpu_as_on_the_cpu(faces: Path, model: Path, tmp_path: Path):
    environment = json.loads((model.parent / "environment.json").read_bytes())["starts"][0]
    assert environment["device"] == torch.cuda.get_device_name()
    call("fit", faces, "--to", tmp_path / "run", *SETTINGS, gpus=0)
    print(
        f"fit: {speed_of(model.parent):.0f} images/s on {environment['device']}, {speed_of(tmp_path / 'run'):.0f} on the CPU"
    )
    scores = {}
    for gpus in (1, 0):
        printed, seconds = call("evaluate", model, faces, "--json", gpus=gpus)
        print(f"evaluate, {gpus} GPU: {IMAGES / seconds:.0f} images/s with the start of the process")
        scores[gpus] = {
            (name, split): metrics["accuracy"]
            for name, splits in json.loads(printed)["metrics"].items()
            for split, metrics in splits.items()
        }
    assert scores[0] == pytest.approx(scores[1], abs=0.02)


def test_a_run_that_was_killed_on_a_gpu_goes_on_with_all_gpus(faces: Path, model: Path, tmp_path: Path):
    run = tmp_path / "run"
    process = start("fit", faces, "--to", run, *SETTINGS, gpus=1)
    while not (run / "checkpoints/last.json").exists():
        assert process.poll() is None, "it ended before its first checkpoint"
    process.kill()
    process.communicate()
    call("fit", faces, "--to", run, *SETTINGS, gpus=GPUS)
    starts = json.loads((run / "environment.json").read_bytes())["starts"]
    assert [entry["processes"] for entry in starts] == [1, GPUS]
    print(f"fit on {GPUS} GPUs: {speed_of(run):.0f} images/s")
    values = [
        json.loads((folder / "model.json").read_bytes())["val"]["glasses"]
        for folder in (model, run / "model")
    ]
    assert values[0] == pytest.approx(values[1], abs=0.1)


def test_bfloat16_on_a_gpu_trains_as_well_as_float32(faces: Path, model: Path, tmp_path: Path):
    call("fit", faces, "--to", tmp_path / "run", *SETTINGS, "--set", "precision=bfloat16", gpus=1)
    print(f"fit in bfloat16: {speed_of(tmp_path / 'run'):.0f} images/s")
    values = [
        json.loads((folder / "model.json").read_bytes())["val"]["glasses"]
        for folder in (model, tmp_path / "run/model")
    ]
    assert values[0] == pytest.approx(values[1], abs=0.1)
