"""A take-back of many answers is done in batches: between two of them everything holds, and others go on labelling."""

import random
import shutil
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import func, select

from annotator.config import Settings
from annotator.models import Annotation, Image, Label, Submission, TakeBack
from annotator.project import ProjectFolder
from annotator.services.annotation.take_back import PastTakeBack, list_take_backs, take_back, undo_take_back
from annotator.services.annotation.take_back_batches import continue_take_backs
from annotator.services.annotation.take_back_choice import Selection
from annotator.services.annotation.undo import standing_annotation
from annotator.services.common.open_cells import recount_open_cells
from annotator.services.common.undone import is_undone
from annotator.worker import run_worker
from tests.support.commands import call
from tests.support.projects.labelling import ALL, Person, done_count
from tests.support.projects.take_backs import (
    all_labels,
    images_table,
    label_at_random,
    take_back_checked,
    undone,
)
from tests.support.waiting import wait_until


def begun(project: ProjectFolder, cells: int, **selection: object) -> None:
    """Begin a take-back "t" in the name of the local labeller with batches of so many cells."""
    me = Person(project)
    with project.database.write() as session:
        take_back(session, me.id, "t", Selection(**selection), cells=cells)


def wrong_labels(project: ProjectFolder) -> list[tuple[int, int]]:
    """Cells whose label is an answer that no longer counts, and images whose open cells are not those without a label."""
    with project.database.read() as session:
        query = (
            select(Label.image_id, Label.attribute_id)
            .join(Annotation, Annotation.id == Label.annotation_id)
            .join(Submission, Submission.id == Annotation.submission_id)
            .where(
                is_undone()
                | (standing_annotation(Label.image_id, Label.attribute_id).scalar_subquery().is_(None))
            )
        )
        return [(image, attribute) for image, attribute in session.execute(query)]


def counted_cells(project: ProjectFolder) -> int:
    with project.database.read() as session:
        return session.scalar(select(func.sum(Image.open_cells)))


@pytest.mark.database_file
def test_batches_leave_what_one_transaction_leaves_and_every_step_holds(
    filled: ProjectFolder, tmp_path: Path
):
    ada = label_at_random(filled, random.Random(7))
    filled.database.checkpoint()
    shutil.copytree(filled.path, tmp_path / "other")
    copy = ProjectFolder.open(tmp_path / "other")
    before, images = all_labels(filled), images_table(filled)
    effect = take_back_checked(copy, labeller_id=ada.id)

    begun(filled, 8, labeller_id=ada.id)
    steps = 0
    while continue_take_backs(filled, cells=8):
        steps += 1
        assert wrong_labels(filled) == []
        assert all_labels(filled).keys() <= before.keys()
    assert steps > 10
    assert all_labels(filled) == all_labels(copy)
    assert [row[:2] for row in images_table(filled)] == [row[:2] for row in images_table(copy)]
    with filled.database.write() as session:
        counted = counted_cells(filled)
        recount_open_cells(session)
        assert session.scalar(select(func.sum(Image.open_cells))) == counted
        [past] = list_take_backs(session)
    assert (past.effect, past.covered, past.state, past.undone) == (effect, effect.submissions, "done", False)

    me = Person(filled)
    with filled.database.write() as session:
        undo_take_back(session, me.id, "u", "t", cells=8)
    while continue_take_backs(filled, cells=8):
        assert wrong_labels(filled) == []
    assert all_labels(filled) == before
    assert [row[:2] for row in images_table(filled)] == [row[:2] for row in images]
    with filled.database.read() as session:
        [past] = list_take_backs(session)
    assert (past.covered, past.state, past.undone) == (0, "undone", True)
    copy.database.close()


def test_others_go_on_between_two_batches_and_their_answers_stay(filled: ProjectFolder):
    ada, bob = Person(filled, "Ada"), Person(filled, "Bob")
    for task in ada.next(20):
        ada.answer(task, ALL)
    begun(filled, 12, labeller_id=ada.id)
    answered = []
    while continue_take_backs(filled, cells=12):
        [task] = bob.next()
        bob.answer(task, ALL | {"glasses": 0})
        answered.append(task.image_id)
        [later] = ada.next()
        ada.answer(later, ALL, key=f"later {later.image_id}")
        answered.append(later.image_id)
    assert done_count(filled) == len(answered) > 10
    with filled.database.read() as session:
        assert session.scalar(select(TakeBack.covered)) == 20


def test_a_take_back_that_runs_is_turned_round(filled: ProjectFolder):
    ada = Person(filled, "Ada")
    for task in ada.next(20):
        ada.answer(task, ALL)
    before = all_labels(filled)
    begun(filled, 12, labeller_id=ada.id)
    continue_take_backs(filled, cells=12)
    assert len(all_labels(filled)) < len(before)
    me = Person(filled)
    with filled.database.write() as session:
        undo_take_back(session, me.id, "u", "t", cells=12)
        undo_take_back(session, me.id, "u", "t", cells=12)
    while continue_take_backs(filled, cells=12):
        pass
    assert all_labels(filled) == before


def test_a_large_import_is_undone_in_pieces(filled: ProjectFolder, faces: Path):
    call("import", faces / "answers.csv", "-p", filled.path).assert_done()
    before = all_labels(filled)
    begun(filled, 50, import_name="answers.csv")
    left = [len(all_labels(filled))]
    while continue_take_backs(filled, cells=50):
        left.append(len(all_labels(filled)))
    steps = [first - second for first, second in zip([len(before), *left], left, strict=False)]
    assert max(steps) <= 50
    assert left[-1] == 0
    me = Person(filled)
    with filled.database.write() as session:
        undo_take_back(session, me.id, "u", "t", cells=50)
    while continue_take_backs(filled, cells=50):
        pass
    assert all_labels(filled) == before
    undone_again = call("take-back", "--import", "answers.csv", "--preview", "-p", filled.path)
    assert f"{len(before)} answers" in undone_again.out


def test_a_killed_take_back_is_continued_by_the_next_worker(filled: ProjectFolder):
    ada = Person(filled, "Ada")
    for task in ada.next(30):
        ada.answer(task, ALL)
    begun(filled, 12, labeller_id=ada.id)  # the process that began it is gone
    stop = Event()
    worker = Thread(target=run_worker, args=(filled, Settings(faces=False, round_every=0), stop))
    worker.start()

    def past() -> PastTakeBack:
        with filled.database.read() as session:
            return list_take_backs(session)[0]

    try:
        wait_until(lambda: past().state == "done", "the worker went on")
    finally:
        stop.set()
        worker.join()
    assert (past().covered, past().effect.reopened) == (30, 30)
    assert done_count(filled) == 0
    undone(filled)
    assert done_count(filled) == 30
