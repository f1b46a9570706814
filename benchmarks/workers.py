"""Features of a project computed by 1 to 8 worker processes, with a simulated time per image.

No network runs: a worker sleeps for the time that an image takes and adds a record. So the figures show what sharing costs (claims,
looking for images, the locks of the cache), and not what a processor can do.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from annotator.feature_warmup import FeatureWarmup, upright_landmarks
from annotator.project import ProjectFolder
from annotator.services.common.claims import joined
from benchmarks.labelling import make_project
from benchmarks.support.report import Figures, Size
from trainer.probe import features
from trainer.probe.feature_store import FeatureStore

SECONDS = 0.02
"""What an image takes: a small network on a processor, both views."""
WORKERS = (1, 2, 3, 4, 5, 6, 7, 8)


def measure(size: Size) -> Figures:
    """Count images per second by the number of workers; check that the records are the same."""
    images, numbers = {"small": (64, (1, 2)), "normal": (8000, WORKERS), "full": (40_000, WORKERS)}[size]
    rows = []
    before: dict[bytes, bytes] = {}
    for number in numbers:
        with tempfile.TemporaryDirectory() as folder:
            project = make_project(Path(folder) / "project", images, predicted=False)
            seconds = compute(project.path, number)
            records = read_records(project.cache)
            assert len(records) == images
            assert not before or records == before, "the records depend on the number of workers"
            before = records
        rate = images / seconds
        rows.append({
            "workers": number, "images": images, "seconds": round(seconds, 1), "images per second": round(rate, 1),
            "of linear": round(rate * SECONDS / number, 2),
        })  # fmt: skip
    return {f"simulated: {SECONDS:g} s per image": rows}


def compute(path: Path, number: int) -> float:
    """Let so many workers compute all features; return the seconds from the moment when all are ready until all are done."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(number + 1)
    workers = [context.Process(target=work, args=(path, ready)) for _ in range(number)]
    for worker in workers:
        worker.start()
    ready.wait()
    started = time.perf_counter()
    ready.wait()
    seconds = time.perf_counter() - started
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    return seconds


def work(path: Path, ready: Barrier) -> None:
    """Compute features until all are there."""
    project = ProjectFolder.open(path)
    warmup = FeatureWarmup(project, faces=False, compute=simulate)
    upright_landmarks(SimpleNamespace(points=None))
    simulate([], project.cache, 0, None)  # both load what computing needs
    with joined(project, ["features"]):
        ready.wait()
        while not warmup.complete:
            if not warmup.run_step():
                time.sleep(0.05)
        ready.wait()


def simulate(files: list[Any], cache: Path, seconds: float, network: Path | None) -> int:
    """In place of `trainer.probe.features.compute_some`: each image that lacks a record takes `SECONDS`."""
    del network
    store = FeatureStore(cache / "simulated", {"name": "simulated"}, 64)
    missing = np.flatnonzero(store.rows_of([file.sha256 for file in files]) < 0)
    until, chosen = time.monotonic() + seconds, missing
    for start in range(0, len(missing), features.AHEAD):
        if time.monotonic() > until:
            chosen = missing[:start]
            break
        time.sleep(SECONDS * len(missing[start : start + features.AHEAD]))
    if len(chosen):
        new = [files[place].sha256 for place in chosen]
        store.append(new, np.stack([_record(sha256) for sha256 in new]))
    return int(missing[len(chosen)]) if len(chosen) < len(missing) else len(files)


def read_records(cache: Path) -> dict[bytes, bytes]:
    """The records by the hash of their image."""
    store = FeatureStore.existing(cache / "simulated")
    assert store is not None
    return {key.tobytes(): row.tobytes() for key, row in zip(store.digests(), store.records(), strict=True)}


def _record(sha256: str) -> np.ndarray[Any, np.dtype[np.float16]]:
    return np.frombuffer(bytes.fromhex(sha256) * 2, np.uint8).astype(np.float16)
