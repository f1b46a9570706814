"""Corrections are kept once and undone once, and a reviewer's decision stays."""

import pytest

from annotator.domain.roles import Role
from annotator.errors import Conflict, FacelabelError, NotFound
from annotator.models import Annotation, Image
from annotator.project import ProjectFolder
from annotator.services.review.corrections import undo_correction
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person, done_count, labels_of, row_count
from tests.support.projects.reviewing import cell_of, names_in_view, save_correction


def test_what_a_reviewer_decided_stays_and_a_later_answer_is_an_opinion(filled: ProjectFolder):
    me, other = Person(filled), Person(filled, "other", Role.REVIEWER)
    [task] = me.next()
    save_correction(filled, me, task.image_id, {"glasses": 2}, "decide", adjudicate=True)
    me.answer(task, ALL | {"glasses": 0})
    assert labels_of(filled, task.image_id) == ALL | {"glasses": 2}
    save_correction(filled, other, task.image_id, {"glasses": 1}, "plain")
    assert labels_of(filled, task.image_id)["glasses"] == 2
    assert names_in_view(filled, differing=True) == [task.image_name]
    assert done_count(filled) == 1


def test_a_correction_is_kept_once_and_undone_once(filled: ProjectFolder):
    me = Person(filled)
    [task] = me.next()
    me.answer(task, ALL)
    for _ in range(2):
        save_correction(filled, me, task.image_id, {"glasses": 1}, "c", adjudicate=True)
    assert row_count(filled, Annotation) == len(ALL) + 1
    assert labels_of(filled, task.image_id) == ALL | {"glasses": 1}
    with pytest.raises(Conflict):
        save_correction(filled, me, task.image_id, {"glasses": 0}, "c")
    for _ in range(2):
        with filled.database.write() as session:
            undo_correction(session, me.id, "u", task.image_id, "c")
    assert labels_of(filled, task.image_id) == ALL
    with pytest.raises(Conflict, match="undone already"), filled.database.write() as session:
        undo_correction(session, me.id, "u2", task.image_id, "c")
    history = cell_of(filled, task.image_id).history
    assert [(s.origin, s.code, s.name, s.undone) for s in history] == [
        ("human", 2, "sunglasses", False),
        ("review", 1, "glasses", True),
        ("undo", None, None, False),
    ]
    assert done_count(filled) == 1


def test_a_correction_counts_for_progress_groups_and_the_queue(filled: ProjectFolder):
    me = Person(filled)
    image = image_of(filled, names_of(filled)[0])
    save_correction(filled, me, image, ALL | {"identity": "=cmd()"}, "c")
    assert done_count(filled) == 1
    assert image not in {task.image_id for task in me.next(40)}
    with filled.database.read() as session:
        assert session.get_one(Image, image).group == "identity:0"
    assert cell_of(filled, image, "identity").label.name == "=cmd()"
    with filled.database.write() as session:
        undo_correction(session, me.id, "u", image, "c")
    assert (done_count(filled), labels_of(filled, image)) == (0, {})


def test_a_correction_of_something_unknown_is_refused_and_nothing_is_kept(filled: ProjectFolder):
    me = Person(filled)
    for image, values in (
        (10**9, {"glasses": 1}),
        (1, {"glasses": 9}),
        (1, {"beard": 1}),
        (1, {}),
    ):
        with pytest.raises(FacelabelError):
            save_correction(filled, me, image, values, "c")
    with pytest.raises(NotFound), filled.database.write() as session:
        undo_correction(session, me.id, "u", 1, "c")
    assert row_count(filled, Annotation) == 0
