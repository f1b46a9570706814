"""Drawn faces and the features of them, made once for all tests of the trainer."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from tests.support.drawn_snapshot import draw_faces
from tests.support.features.made_once import compute_features_of_snapshot, made_once


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot of 120 drawn faces, 80 of them labelled. No test may change it."""
    return draw_faces(tmp_path_factory.mktemp("faces") / "snapshot", 120, labelled=80, people=60)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory, faces: Path) -> Path:
    """A cache that all tests of a process share, with the features of the drawn faces."""
    made = made_once(tmp_path_factory, "features-of-snapshot", partial(compute_features_of_snapshot, faces))
    return shutil.copytree(made, tmp_path_factory.mktemp("cache") / "features")
