"""From "the 25th label is saved" to "the queue is in the new order", features cached, for pools of several sizes.

A worker of its own runs the rounds, as under `facelabel serve`. The features are made up (what classes look like, plus
noise) and stand in the cache beforehand, so that no image is needed. The first round after the start loads PyTorch; the
later ones are what a labeller waits for, and beside them the processor time that the worker took, which other work on the
machine changes less. At the end of the row the baseline: the same round by `facelabel round`, a process that starts cold.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from sqlalchemy import func, select, update

from annotator.config import Settings
from annotator.models import Image, Label, Labeller, Predictions, Project, Round
from annotator.project import ProjectFolder
from annotator.services.annotation.submit import Submitted, submit
from annotator.services.schema.active import active_schema
from annotator.services.tasks.queue import next_tasks
from benchmarks.support.million import make_large_project
from benchmarks.support.report import Figures, Size, percentiles
from tests.support.waiting import wait_until
from trainer.data.faces import no_landmarks
from trainer.networks import build
from trainer.probe.sources import BACKBONE, VIEWS, Source, open_source

LABELLED = 500
ROUNDS = {"small": 2, "normal": 20, "full": 20}
POOLS = {"small": (2000,), "normal": (10_000, 100_000), "full": (10_000, 100_000, 1_000_000)}
VALUES = {"wrinkles": 2, "freckles": 2, "glasses": 3, "hair_color": 9, "hair_top": 4, "not_human": 1}
BLOCK = 4096


def measure(size: Size) -> Figures:
    rows, stages = [], []
    for images in POOLS[size]:
        with tempfile.TemporaryDirectory() as name:
            project = make_large_project(Path(name) / "project", images, labelled=LABELLED / images)
            make_up_features(project)
            row, slowest = time_rounds(project, ROUNDS[size])
            rows.append({"images": images} | row)
            stages.append({"images": images} | slowest)
            project.database.close()
    return {
        f"seconds from the {every()}th label to the new order, {LABELLED} images labelled at first": rows,
        "seconds per stage, median of the later rounds": stages,
    }


def every() -> int:
    return Settings().round_every


def make_up_features(project: ProjectFolder) -> None:
    """Write a record of every view for every image: noise, and a direction for each of its classes."""
    finish_other_work(project)
    backbone = build(BACKBONE, pretrained=True)
    with project.database.read() as session:
        digests = list(session.scalars(select(Image.sha256).order_by(Image.id)))
        codes = known_codes(session, len(digests))
    for view in VIEWS:
        make_up_view(open_source(project.cache, backbone, view), digests, codes)


def make_up_view(source: Source, digests: list[str], codes: dict[str, np.ndarray]) -> None:
    """Write the records of one view; no image has a face."""
    store, keys = source.store, source.keys(digests, no_landmarks(len(digests)))
    random = np.random.default_rng(0)
    noise = random.normal(size=(BLOCK, store.size)).astype(np.float32)
    looks = {name: random.normal(size=(n, store.size)).astype(np.float32) for name, n in VALUES.items()}
    for start in range(0, len(keys), BLOCK):
        some = keys[start : start + BLOCK]
        features = np.roll(noise[: len(some)], start % 977, axis=1)
        for name, count in VALUES.items():
            drawn = random.integers(0, count, len(some))
            known = codes[name][start : start + BLOCK]
            features = features + 0.4 * looks[name][np.where(known >= 0, known, drawn)]
        store.append(some, np.maximum(features, 0).astype(np.float16))


def finish_other_work(project: ProjectFolder) -> None:
    """Say that the worker has done what it does with new images: it would look for 100,000 files that are not there."""
    with project.database.write() as session:
        session.execute(update(Image).values(perceptual_hash=Image.shuffle, face_count=0))
        session.execute(update(Project).values(groups_stale=False))


def known_codes(session: Any, images: int) -> dict[str, np.ndarray]:
    names = active_schema(session).names
    columns = {name: np.full(images, -1) for name in VALUES}
    for image, attribute, code in session.execute(select(Label.image_id, Label.attribute_id, Label.code)):
        if code is not None and names[attribute] in columns:
            columns[names[attribute]][image - 1] = code
    return columns


def time_rounds(project: ProjectFolder, rounds: int) -> tuple[dict[str, Any], dict[str, Any]]:
    with worker(project) as process:
        waits, stages, busy = [], [], []
        seen = psutil.Process(process.pid)
        for _ in range(rounds + 1):
            before = sum(seen.cpu_times()[:2])
            seconds, parts = time_round(project)
            waits.append(seconds)
            stages.append(parts)
            busy.append(sum(seen.cpu_times()[:2]) - before)
        resident = seen.memory_info().rss
    names = dict.fromkeys(stage for parts in stages for stage in parts)
    middle = {stage: round(float(np.median([parts[stage] for parts in stages[1:]])), 3) for stage in names}
    spread = {name: round(value / 1000, 2) for name, value in percentiles(waits[1:]).items()}
    cold = time_command(project)
    figures = {"first": round(waits[0], 2), **spread, "processor": round(float(np.median(busy[1:])), 2)}
    return figures | {"cold command": cold, "resident MiB": resident >> 20}, middle


@contextmanager
def worker(project: ProjectFolder) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "annotator", "worker", "-p", str(project.path)]
    process = subprocess.Popen(command, env=os.environ | {"FACELABEL_FACES": "0"})
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def time_round(project: ProjectFolder) -> tuple[float, dict[str, float]]:
    """Label as many images as start a round, and wait until its predictions are in use."""
    with project.database.write() as session:
        me = session.scalars(select(Labeller.id)).first()
        before = session.scalar(select(func.count()).select_from(Predictions))
        tasks = next_tasks(project, session, me, count=every(), lease_seconds=600)
    random = np.random.default_rng(before)
    for task in tasks:
        values = {name: int(random.integers(0, count)) for name, count in VALUES.items()}
        with project.database.write() as session:
            submit(session, me, Submitted(secrets.token_hex(8), task.image_id, task.lease, values))
    started = moment = time.perf_counter()
    parts: dict[str, float] = defaultdict(float)

    def is_loaded() -> bool:
        """Also notes the time since the last look for the stage that the round is at."""
        nonlocal moment
        with project.database.read() as session:
            loaded = session.scalar(select(func.count()).select_from(Predictions)) > before
            stage = session.scalar(select(Round.stage).where(Round.state == "running")) or "waiting"
        now = time.perf_counter()
        parts[stage] += now - moment
        moment = now
        return loaded

    wait_until(is_loaded, "predictions are in use", 600)
    wait_until(lambda: _has_ended(project), "the round has ended", 600)
    return time.perf_counter() - started, parts


def _has_ended(project: ProjectFolder) -> bool:
    with project.database.read() as session:
        newest = select(Round.state, Round.error).order_by(Round.id.desc()).limit(1)
        state, error = session.execute(newest).one()
    assert state != "failed", error
    return state == "done"


def time_command(project: ProjectFolder) -> float:
    """The same round by a process that has nothing in memory."""
    command = [sys.executable, "-m", "annotator", "round", "--json", "-p", str(project.path)]
    started = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True)
    assert json.loads(done.stdout)["state"] == "done"
    return round(time.perf_counter() - started, 2)
