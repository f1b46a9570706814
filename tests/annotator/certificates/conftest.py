"""Projects whose cells of `glasses` can be filled."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from tests.support.projects.certificates import certifiable, fill


@pytest.fixture(scope="session")
def _certifiable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = certifiable(tmp_path_factory.mktemp("certifiable") / "project")
    made.database.checkpoint()
    made.database.close()
    return made.path


@pytest.fixture(scope="session")
def _certified(tmp_path_factory: pytest.TempPathFactory, _certifiable: Path) -> Path:
    path = tmp_path_factory.mktemp("certified") / "project"
    shutil.copytree(_certifiable, path)
    made = ProjectFolder.open(path)
    assert fill(made) == 1
    made.database.checkpoint()
    made.database.close()
    return path


def _copy(source: Path, to: Path) -> Iterator[ProjectFolder]:
    shutil.copytree(source, to)
    made = ProjectFolder.open(to)
    yield made
    made.database.close()


@pytest.fixture
def ready(tmp_path: Path, _certifiable: Path) -> Iterator[ProjectFolder]:
    """A project with predictions and no certificate; each test has a fresh copy."""
    yield from _copy(_certifiable, tmp_path / "project")


@pytest.fixture
def certified(tmp_path: Path, _certified: Path) -> Iterator[ProjectFolder]:
    """The same with certificate 1, which fills cells."""
    yield from _copy(_certified, tmp_path / "project")
