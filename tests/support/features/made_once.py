"""What the processes of one test run make once and copy: the frozen network takes seconds for the features of drawn faces."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from annotator.feature_warmup import FeatureWarmup
from annotator.project import ProjectFolder
from tests.support.forked import processes


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that `make` has filled in this run, in whichever process asked first. No test may change it."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # of the folders of all processes
    folder, unfinished = root / name, root / f"{name}-unfinished"
    with (root / f"{name}-lock").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            make(unfinished)
            unfinished.rename(folder)
    return folder


def compute_features_of_project(project: Path, to: Path) -> None:
    """Compute the features of a project's images as its worker does, in a copy, and write its cache of features."""
    shutil.copytree(project, to / "project")
    in_process(_warm_up, to / "project")


def _warm_up(folder: Path) -> None:
    project = ProjectFolder.open(folder)
    ahead = FeatureWarmup(project, faces=False)
    while ahead.run_step():
        pass
    project.database.checkpoint()
    project.database.close()


def compute_features_of_snapshot(snapshot: Path, to: Path) -> None:
    """Compute the features of a snapshot's images, as a round does, into a cache."""
    in_process(_compute, snapshot, to)


def _compute(folder: Path, cache: Path) -> None:
    # Loaded here, in a process that has loaded torch: tests that only copy the features need not load it.
    from trainer.data.snapshot import Snapshot
    from trainer.networks import build
    from trainer.probe.features import compute_features
    from trainer.probe.sources import BACKBONE

    compute_features(Snapshot.open(folder), build(BACKBONE, pretrained=True), cache, progress=lambda *_: None)


def in_process(target: Callable[..., None], *arguments: Path) -> None:
    """Call a function in a forked process and wait for it."""
    process = processes().Process(target=target, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0, f"{target.__name__} failed"
