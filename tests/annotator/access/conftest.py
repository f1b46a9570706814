"""A served project with accounts."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from annotator.services.accounts import add_account
from tests.support.projects.accounts import PASSWORD
from tests.support.serving import Server


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, _filled: Path) -> Iterator[Server]:
    """A server of a project with the admin Ada and the labellers Bob, Cleo and Dan, for the tests of one file."""
    path = tmp_path_factory.mktemp("team") / "project"
    shutil.copytree(_filled, path)
    project = ProjectFolder.open(path)
    with project.database.write() as session:
        for name in ("Ada", "Bob", "Cleo", "Dan"):
            add_account(session, name, "admin" if name == "Ada" else "labeller", PASSWORD)
    project.database.close()
    with Server(path) as server:
        yield server


@pytest.fixture
def members(team: Server) -> Iterator[ProjectFolder]:
    """The project that `team` serves."""
    project = ProjectFolder.open(team.project)
    yield project
    project.database.close()
