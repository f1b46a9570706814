"""Drawn faces and the features of them, made once for all tests of the trainer."""

from pathlib import Path

import pytest

from tests.support.drawn_snapshot import draw_faces


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot of 120 drawn faces, 80 of them labelled. No test may change it."""
    return draw_faces(tmp_path_factory.mktemp("faces") / "snapshot", 120, labelled=80, people=60)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of features that all tests share."""
    return tmp_path_factory.mktemp("cache")
