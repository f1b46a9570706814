"""Filling and undoing are killed at any moment: nothing is filled, or everything, and the next worker completes it."""

import os
import random
import shutil
import signal
from pathlib import Path

import pytest
from sqlalchemy import event, select

from annotator.domain.states import CertificateState
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.certificates import batches
from annotator.services.certificates.decide import decide_certificate
from annotator.services.certificates.undo import undo_certificate
from annotator.services.common.filled import filled_cells
from tests.support.forked import processes
from tests.support.projects.certificates import (
    answer_sample,
    assert_open_cells_are_right,
    begin,
    cells_of,
    state_of,
    work,
)

KILLS = 50


def work_until(path: Path, statements: int) -> None:
    """Do the worker's work, and die after so many statements; every third time before a commit."""
    project = ProjectFolder.open(path)
    batches.BATCH_CELLS = batches.UNDO_CELLS = 8
    left = statements

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(project.database.engine, "commit" if statements % 3 == 0 else "before_cursor_execute", count)
    work(project)


def kill(path: Path, statements: int) -> bool:
    """Whether the work was killed; otherwise it was done before."""
    process = processes().Process(target=work_until, args=(path, statements))
    process.start()
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}
    return process.exitcode != 0


def filled(project: ProjectFolder) -> set[int]:
    with project.database.read() as session:
        return {cell.image_id for cell in filled_cells(session, list(session.scalars(select(Image.id))))}


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory, _certifiable: Path) -> Path:
    """A project whose certificate 1 is about to fill its cells."""
    path = tmp_path_factory.mktemp("decided") / "project"
    shutil.copytree(_certifiable, path)
    project = ProjectFolder.open(path)
    number = begin(project)
    answer_sample(project, number, until_filled=False)
    with project.database.write() as session:
        assert decide_certificate(session, number).state == CertificateState.FILLING
    project.database.checkpoint()
    project.database.close()
    return path


def test_killed_at_any_moment_all_cells_are_filled_or_none(decided: Path, tmp_path: Path, soak: bool):
    chance, killed = random.Random(3), 0
    while killed < (KILLS if soak else KILLS // 10):
        path = tmp_path / f"{killed}"
        shutil.copytree(decided, path)
        project = ProjectFolder.open(path)
        everything = set(cells_of(project, 1))
        moments = [chance.randint(0, 250)]
        while kill(path, moments[-1]):
            killed += 1
            assert filled(project) in (set(), everything)
            assert_open_cells_are_right(project)
            moments.append(chance.randint(0, 250))
        assert filled(project) == everything
        assert state_of(project, 1) == CertificateState.FILLED
        with project.database.write() as session:
            undo_certificate(session, 1, 1)
        while kill(path, chance.randint(0, 250)):
            killed += 1
            assert filled(project) == set()
            assert_open_cells_are_right(project)
        assert cells_of(project, 1) == []
        assert_open_cells_are_right(project)
        project.database.close()
