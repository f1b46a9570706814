"""A take-back undoes many answers as if each had been undone, and has one undo."""

import json
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from annotator.domain.roles import Role
from annotator.errors import Conflict, FacelabelError, NotFound, WrongUse
from annotator.models import Annotation, Image, Submission
from annotator.project import ProjectFolder
from annotator.services.annotation.take_back import (
    Effect,
    list_take_backs,
    preview_take_back,
    take_back,
)
from annotator.services.annotation.take_back_choice import Selection
from annotator.services.annotation.undo import undo_submission
from annotator.services.common.open_cells import recount_open_cells
from annotator.services.common.votes import read_opinions
from annotator.services.team.aggregation import aggregate
from tests.support.commands import call
from tests.support.projects.labelling import ALL, Person, done_count, labels_of, row_count
from tests.support.projects.reviewing import cell_of, save_correction
from tests.support.projects.take_backs import (
    all_labels,
    images_table,
    label_at_random,
    take_back_checked,
    undone,
)
from tests.support.projects.team import set_team_settings

MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_cells_of_a_labeller_fall_back_or_open_and_one_undo_restores_all(filled: ProjectFolder):
    ada, bob = Person(filled, "Ada", Role.REVIEWER), Person(filled, "Bob", Role.REVIEWER)
    first, second = ada.next(2)
    [third] = bob.next()
    ada.answer(first, ALL)
    ada.answer(second, ALL)
    bob.answer(third, ALL)
    save_correction(filled, bob, first.image_id, {"glasses": 0}, "b")
    save_correction(filled, bob, second.image_id, {"glasses": 0}, "b2")
    save_correction(filled, ada, third.image_id, {"glasses": 1, "hair_color": 2}, "a")
    before, images = all_labels(filled), images_table(filled)

    effect = take_back_checked(filled, labeller_id=ada.id)

    assert effect == Effect(3, 14, 3, opened=10, restored=2, reopened=2, people_changes=0, aggregated=0)
    assert labels_of(filled, first.image_id) == {"glasses": 0}
    assert labels_of(filled, second.image_id) == {"glasses": 0}
    assert labels_of(filled, third.image_id) == ALL
    assert done_count(filled) == 1
    history = cell_of(filled, third.image_id, "glasses").history
    assert [(entry.origin, entry.undone) for entry in history] == [
        ("human", False), ("human", True), ("undo", False),
    ]  # fmt: skip
    assert {task.image_id for task in bob.next(40)} >= {first.image_id, second.image_id}

    undone(filled)
    assert (all_labels(filled), images_table(filled)) == (before, images)
    assert done_count(filled) == 3
    with filled.database.read() as session:
        [past] = list_take_backs(session)
    assert (past.by, past.labeller, past.undone, past.effect) == ("local", "Ada", True, effect)


def test_a_repetition_changes_nothing_and_what_it_covers_is_not_undone_again(filled: ProjectFolder):
    ada = Person(filled, "Ada")
    [task] = ada.next()
    ada.answer(task, ALL, key="a")
    effect = take_back_checked(filled, labeller_id=ada.id)
    rows, me = row_count(filled, Annotation), Person(filled)
    with filled.database.write() as session:
        assert take_back(session, me.id, "t", Selection(labeller_id=ada.id)) == effect
        with pytest.raises(Conflict, match="another request"):
            take_back(session, ada.id, "t", Selection(labeller_id=me.id))
        with pytest.raises(NotFound, match="still counts"):
            take_back(session, ada.id, "t2", Selection(labeller_id=ada.id))
    with pytest.raises(Conflict, match="undone already"):
        ada.undo("a")
    with pytest.raises(NotFound):
        ada.undo()
    assert row_count(filled, Annotation) == rows
    undone(filled)
    undone(filled)
    with pytest.raises(Conflict, match="undone already"):
        undone(filled, own_key="u2")
    with pytest.raises(NotFound):
        undone(filled, "nothing", "u3")
    ada.undo("a")
    assert labels_of(filled, task.image_id) == {}


def test_bad_selections_are_refused(filled: ProjectFolder):
    for selection, error in (
        (Selection(), WrongUse),
        (Selection(labeller_id=10**6), NotFound),
        (Selection(import_id=7), NotFound),
        (Selection(import_name="x.csv"), NotFound),
        (Selection(since=MONDAY, until=MONDAY), WrongUse),
    ):
        with pytest.raises(error), filled.database.read() as session:
            preview_take_back(session, selection)
    assert issubclass(NotFound, FacelabelError)


def test_a_time_span_includes_its_start_and_not_its_end(filled: ProjectFolder):
    me = Person(filled)
    tasks = me.next(3)
    for hours, task in enumerate(tasks):
        me.answer(task, ALL, key=f"a{hours}")
        with filled.database.write() as session:
            session.execute(
                update(Submission)
                .where(Submission.key == f"a{hours}")
                .values(created_at=MONDAY + timedelta(hours=hours))
            )
    hour = timedelta(hours=1)
    assert take_back_checked(filled, since=MONDAY + hour, until=MONDAY + 2 * hour).submissions == 1
    assert [bool(labels_of(filled, task.image_id)) for task in tasks] == [True, False, True]


def test_an_import_is_undone_by_the_name_of_its_source_and_can_be_imported_again(
    filled: ProjectFolder, faces: Path, tmp_path: Path
):
    me = Person(filled)
    [task] = me.next()
    me.answer(task, ALL)
    answers = shutil.copy(faces / "answers.csv", tmp_path / "mine.csv")
    call("import", answers, "-p", filled.path).assert_done()
    call("import", answers, "-p", filled.path, "--as", "opinions").assert_done()
    imported = all_labels(filled)
    effect = take_back_checked(filled, import_name="mine.csv")
    assert (effect.submissions, effect.reopened, effect.restored) == (2, 39, 0)
    assert done_count(filled) == 1
    assert labels_of(filled, task.image_id) == ALL
    call("import", answers, "-p", filled.path).assert_done()
    assert all_labels(filled) == imported
    as_opinions = call("import", answers, "-p", filled.path, "--as", "opinions", "--json")
    again = json.loads(as_opinions.out)
    assert sum(report["labels"]["added"] for report in again.values()) > 0


def test_votes_that_a_take_back_covers_do_not_count_for_agreement_or_aggregation(filled: ProjectFolder):
    set_team_settings(filled, overlap_share=1.0, overlap_opinions=3)
    people = [Person(filled, name) for name in ("Ada", "Bob", "Cleo")]
    for person, glasses in zip(people, (0, 1, 1), strict=True):
        for task in person.next(40):
            person.answer(task, ALL | {"glasses": glasses})
    aggregate(filled)
    bob = take_back_checked(filled, labeller_id=people[1].id)
    assert (bob.opened, bob.aggregated) == (0, 40)
    with filled.database.read() as session:
        assert set(read_opinions(session, ["answer"]).labeller) == {people[0].id, people[2].id}
    aggregate(filled)
    assert set(all_labels(filled).values()) >= {0}
    undone(filled)
    aggregate(filled)
    assert {labels_of(filled, image)["glasses"] for image, _ in all_labels(filled)} == {1}


@pytest.mark.database_file
@pytest.mark.parametrize("seed", range(3))
def test_a_take_back_leaves_what_undoing_one_after_the_other_leaves(
    filled: ProjectFolder, tmp_path: Path, seed: int
):
    ada = label_at_random(filled, random.Random(seed))
    filled.database.checkpoint()
    shutil.copytree(filled.path, tmp_path / "other")
    copy = ProjectFolder.open(tmp_path / "other")
    before = all_labels(filled)

    effect = take_back_checked(filled, labeller_id=ada.id)

    kinds = ("answer", "people", "review")
    with copy.database.write() as session:
        chosen = select(Submission).where(Submission.labeller_id == ada.id, Submission.kind.in_(kinds))
        targets = list(session.scalars(chosen.order_by(Submission.id)))
        random.Random(seed).shuffle(targets)
        for target in targets:
            undo_submission(session, target, f"undo {target.id}", "")
    after = all_labels(filled)
    assert after == all_labels(copy)
    assert [row[:2] for row in images_table(filled)] == [row[:2] for row in images_table(copy)]
    assert effect.opened == len(before.keys() - after.keys())
    assert after.keys() <= before.keys()
    with filled.database.write() as session:
        counted = session.scalar(select(func.sum(Image.open_cells)))
        recount_open_cells(session)
        assert session.scalar(select(func.sum(Image.open_cells))) == counted
    undone(filled)
    assert all_labels(filled) == before
    copy.database.close()
