"""Answers: once per key, append-only, undone by a later submission."""

import pytest
from sqlalchemy import select

from annotator.errors import Conflict, FacelabelError, NotFound
from annotator.models import Annotation, Image, Label, Submission
from annotator.project import ProjectFolder
from annotator.services.tasks.leases import renew_leases
from tests.support.projects.labelling import ALL, Person, done_count, labels_of, lapse_leases, row_count


def test_an_answer_to_every_attribute_finishes_the_image(filled: ProjectFolder):
    me = Person(filled)
    [task] = me.next()
    outcome = me.answer(task, ALL)
    assert outcome.labels == ALL
    assert labels_of(filled, task.image_id) == ALL
    assert done_count(filled) == 1
    assert task.image_id not in {other.image_id for other in me.next(39)}


def test_the_same_key_again_gives_the_same_outcome_and_adds_nothing(filled: ProjectFolder):
    me = Person(filled)
    [task] = me.next()
    first = me.answer(task, ALL, key="k")
    before = row_count(filled, Annotation)
    assert me.answer(task, ALL, key="k") == first
    assert row_count(filled, Annotation) == before
    assert done_count(filled) == 1


def test_the_same_key_for_another_answer_is_refused(filled: ProjectFolder):
    me = Person(filled)
    [task] = me.next()
    me.answer(task, ALL, key="k")
    with pytest.raises(Conflict, match="was used for another request"):
        me.answer(task, {"glasses": 0}, key="k")
    assert labels_of(filled, task.image_id) == ALL


def test_a_partial_answer_leaves_the_image_open_with_the_rest_to_ask(filled: ProjectFolder):
    me = Person(filled)
    [task] = me.next()
    me.answer(task, {"glasses": 1})
    [again] = [t for t in me.next(40) if t.image_id == task.image_id]
    assert again.labels == {"glasses": 1}
    assert "glasses" not in {cell.attribute for cell in again.cells}
    assert done_count(filled) == 0


def test_no_face_ends_the_image_without_the_other_answers(filled: ProjectFolder):
    me = Person(filled)
    [task] = me.next()
    me.answer(task, {"not_human": 1})
    assert done_count(filled) == 1
    assert labels_of(filled, task.image_id) == {"not_human": 1}


@pytest.mark.parametrize(
    "values", [{"glasses": 3}, {"glasses": "none"}, {"glasses": True}, {"beard": 1}, {"identity": " "}]
)
def test_an_unknown_value_is_refused_and_nothing_is_kept(filled: ProjectFolder, values: dict):
    me = Person(filled)
    [task] = me.next()
    with pytest.raises(FacelabelError):
        me.answer(task, {"wrinkles": 1, **values})
    assert labels_of(filled, task.image_id) == {}
    assert row_count(filled, Submission) == 0


def test_people_get_codes_in_the_order_in_which_they_are_named(filled: ProjectFolder):
    me = Person(filled)
    tasks = me.next(4)
    for task, name in zip(tasks, ["Ada", "Grace", " Ada ", "Ådа\u0301".replace("а\u0301", "a")], strict=True):
        me.answer(task, {"identity": name})
    assert [labels_of(filled, t.image_id)["identity"] for t in tasks] == [0, 1, 0, 2]


def test_images_of_one_person_are_in_one_split(filled: ProjectFolder):
    me = Person(filled)
    for position, task in enumerate(me.next(40)):
        me.answer(task, {"identity": f"person {position % 5}"})
    with filled.database.read() as session:
        pairs = session.execute(select(Image.group, Image.split).distinct()).all()
    assert len(pairs) == 5
    assert {group for group, _ in pairs} == {f"identity:{i}" for i in range(5)}


def test_undo_goes_back_as_far_as_there_are_answers(filled: ProjectFolder):
    me = Person(filled)
    tasks = me.next(3)
    for task in tasks:
        me.answer(task, ALL)
    assert [me.undo() for _ in tasks] == [ALL] * 3
    assert done_count(filled) == 0
    assert row_count(filled, Label) == 0
    assert row_count(filled, Annotation) == 3 * 2 * len(ALL)
    with pytest.raises(NotFound, match="no answer of yours"):
        me.undo()


def test_undo_of_a_correction_brings_the_earlier_answer_back(filled: ProjectFolder):
    me = Person(filled)
    [task] = me.next()
    me.answer(task, {"glasses": 1})
    me.answer(task, {"glasses": 2})
    me.undo()
    assert labels_of(filled, task.image_id) == {"glasses": 1}


def test_a_repeated_undo_with_the_same_key_undoes_nothing_more(filled: ProjectFolder):
    me = Person(filled)
    for task in me.next(2):
        me.answer(task, ALL)
    assert me.undo(own_key="u") == me.undo(own_key="u")
    assert done_count(filled) == 1


def test_an_answer_can_be_undone_only_once_and_only_by_its_labeller(filled: ProjectFolder):
    me, other = Person(filled), Person(filled, "other")
    [task] = me.next()
    me.answer(task, ALL, key="mine")
    with pytest.raises(NotFound):
        other.undo("mine")
    me.undo("mine")
    with pytest.raises(Conflict, match="undone already"):
        me.undo("mine")


def test_a_skipped_image_comes_back_to_others_and_after_undo(filled: ProjectFolder):
    me, other = Person(filled), Person(filled, "other")
    [task] = me.next()
    me.answer(task, {}, skip=True)
    assert task.image_id not in {t.image_id for t in me.next(40)}
    lapse_leases(filled)
    assert task.image_id in {t.image_id for t in other.next(40)}
    lapse_leases(filled)
    me.undo()
    assert task.image_id in {t.image_id for t in me.next(40)}


def test_an_image_is_held_by_one_labeller_and_a_late_answer_is_an_opinion(filled: ProjectFolder):
    slow, quick = Person(filled), Person(filled, "quick")
    [task] = slow.next()
    assert task.image_id not in {t.image_id for t in quick.next(39)}
    lapse_leases(filled)
    [again] = [t for t in quick.next(40) if t.image_id == task.image_id]
    late = slow.answer(task, {"glasses": 1})
    assert late.late
    assert labels_of(filled, task.image_id) == {}
    assert not quick.answer(again, ALL).late
    assert slow.answer(task, {"glasses": 0}).late
    assert labels_of(filled, task.image_id) == ALL


def test_an_answer_after_the_lease_ran_out_counts_if_nobody_else_came(filled: ProjectFolder):
    me = Person(filled)
    [task] = me.next()
    lapse_leases(filled)
    assert not me.answer(task, ALL).late
    assert labels_of(filled, task.image_id) == ALL


def test_leases_are_renewed_by_their_holder_only(filled: ProjectFolder):
    me, other = Person(filled), Person(filled, "other")
    [task] = me.next()
    with filled.database.write() as session:
        assert renew_leases(session, other.id, [task.lease], 600) == ([], [task.lease])
        assert renew_leases(session, me.id, [task.lease, "gone"], 600) == ([task.lease], ["gone"])


def test_work_can_be_restricted_to_images_that_lack_an_attribute(filled: ProjectFolder):
    me = Person(filled)
    first, second = me.next(2)
    me.answer(first, {"glasses": 0})
    me.answer(second, {"wrinkles": 0})
    found = {t.image_id for t in me.next(40, attribute="glasses")}
    assert first.image_id not in found
    assert second.image_id in found
