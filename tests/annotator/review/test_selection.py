"""The light table: many images are changed by one submission and come back by one undo."""

import pytest
from sqlalchemy import select

from annotator.errors import Conflict, FacelabelError, Forbidden, NotFound
from annotator.models import Annotation, Flag, Gold, Image, Lease, Submission
from annotator.project import ProjectFolder
from annotator.services.review.corrections import undo_correction
from annotator.services.selection.actions import Change
from annotator.services.selection.changes import make_change, preview_change, undo_change
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person, done_count, labels_of, row_count
from tests.support.projects.reviewing import cell_of, save_correction


def change(project: ProjectFolder, person: Person, key: str, action: str, images: list[int], **more):
    with project.database.write() as session:
        return make_change(session, person.id, key, Change(action, tuple(images), **more))


def undo(project: ProjectFolder, person: Person, key: str) -> None:
    with project.database.write() as session:
        undo_change(session, person.id, f"undo {key}", key)


def preview(project: ProjectFolder, person: Person, action: str, images: list[int], **more):
    with project.database.read() as session:
        return preview_change(session, person.id, Change(action, tuple(images), **more))


def images(project: ProjectFolder, count: int) -> list[int]:
    return [image_of(project, name) for name in names_of(project)[:count]]


def test_a_value_is_set_by_one_submission_and_one_undo_brings_back_what_was_there(filled: ProjectFolder):
    me = Person(filled)
    chosen = images(filled, 6)
    save_correction(filled, me, chosen[0], ALL, "first")
    save_correction(filled, me, chosen[1], {"glasses": 1}, "second", adjudicate=True)
    save_correction(filled, me, chosen[2], {"glasses": 0}, "third")
    expected = preview(filled, me, "set", chosen, attribute="glasses", value=0)
    assert (expected.changed, expected.same, expected.opinions, expected.images) == (4, 1, 1, 6)
    before = {image: labels_of(filled, image) for image in chosen}
    submissions = row_count(filled, Submission)
    assert change(filled, me, "bulk", "set", chosen, attribute="glasses", value=0) == expected
    assert change(filled, me, "bulk", "set", chosen, attribute="glasses", value=0) is None
    assert row_count(filled, Submission) == submissions + 1
    assert [labels_of(filled, image)["glasses"] for image in chosen] == [0, 1, 0, 0, 0, 0]
    assert done_count(filled) == 1
    with pytest.raises(Conflict):
        change(filled, me, "bulk", "set", chosen, attribute="glasses", value=1)
    undo(filled, me, "bulk")
    undo(filled, me, "bulk")
    assert {image: labels_of(filled, image) for image in chosen} == before
    with pytest.raises(Conflict, match="undone already"), filled.database.write() as session:
        undo_change(session, me.id, "again", "bulk")


def test_a_reviewer_decides_the_cells_of_a_selection(filled: ProjectFolder):
    me = Person(filled)
    chosen = images(filled, 3)
    save_correction(filled, me, chosen[0], {"glasses": 1}, "decided", adjudicate=True)
    effect = change(filled, me, "bulk", "set", chosen, attribute="glasses", value=None, adjudicate=True)
    assert (effect.changed, effect.opinions) == (3, 0)
    assert [labels_of(filled, image)["glasses"] for image in chosen] == [None] * 3
    assert cell_of(filled, chosen[2]).label.origin == "review"


def test_cleared_cells_are_open_again_and_an_older_answer_does_not_return(filled: ProjectFolder):
    me = Person(filled)
    chosen = images(filled, 3)
    for image in chosen:
        save_correction(filled, me, image, ALL, f"all {image}")
    save_correction(filled, me, chosen[0], {"glasses": 1}, "decided", adjudicate=True)
    save_correction(filled, me, chosen[1], {"glasses": 0}, "newer")
    effect = change(filled, me, "clear", "clear", chosen, attribute="glasses")
    assert (effect.changed, effect.unchanged) == (2, 1)
    assert ["glasses" in labels_of(filled, image) for image in chosen] == [True, False, False]
    assert done_count(filled) == 1
    with filled.database.write() as session:
        undo_correction(session, me.id, "u", chosen[1], "newer")
    assert "glasses" not in labels_of(filled, chosen[1])
    undo(filled, me, "clear")
    assert labels_of(filled, chosen[1]) == labels_of(filled, chosen[2]) == ALL
    assert done_count(filled) == 3


def test_flags_and_gold_of_a_selection_are_undone_with_their_submission(filled: ProjectFolder):
    me = Person(filled)
    chosen = images(filled, 4)
    change(filled, me, "flags", "flag", chosen, note="look at the crop")
    assert row_count(filled, Flag) == 4
    save_correction(filled, me, chosen[0], {"glasses": 1}, "decided", adjudicate=True)
    effect = change(filled, me, "gold", "gold", chosen)
    assert (effect.changed, effect.unchanged, effect.why) == (
        1,
        3,
        "no reviewer has decided any of their cells",
    )
    assert row_count(filled, Gold) == 1
    assert change(filled, me, "gold 2", "gold", chosen[:1]).same == 1
    undo(filled, me, "gold 2")
    assert row_count(filled, Gold) == 1
    undo(filled, me, "gold")
    undo(filled, me, "flags")
    assert (row_count(filled, Gold), row_count(filled, Flag)) == (0, 0)


def test_a_change_leaves_the_leases_of_everybody(filled: ProjectFolder):
    me, other = Person(filled), Person(filled, "other")
    tasks = other.next(5)
    held = [task.image_id for task in tasks]
    with filled.database.read() as session:
        leases = session.execute(select(Lease.image_id, Lease.token)).all()
    assert change(filled, me, "bulk", "set", held, attribute="glasses", value=1).held == 5
    with filled.database.read() as session:
        assert session.execute(select(Lease.image_id, Lease.token)).all() == leases
    other.answer(tasks[0], ALL | {"glasses": 2})
    assert labels_of(filled, held[0]) == ALL | {"glasses": 1}  # the late answer is an opinion


def test_a_wrong_request_changes_nothing(filled: ProjectFolder):
    me, other = Person(filled), Person(filled, "other")
    [image] = images(filled, 1)
    wrong = [
        (NotFound, "set", [image, 999], {"attribute": "glasses", "value": 1}),
        (FacelabelError, "set", [image], {"attribute": "glasses", "value": 77}),
        (FacelabelError, "set", [image], {"attribute": "identity", "value": 1}),
        (FacelabelError, "set", [image], {}),
        (FacelabelError, "set", [image, image], {"attribute": "glasses", "value": 1}),
        (FacelabelError, "flag", [image], {"note": " "}),
        (FacelabelError, "set", [], {"attribute": "glasses", "value": 1}),
        (FacelabelError, "paint", [image], {}),
    ]
    for error, action, chosen, more in wrong:
        with pytest.raises(error):
            change(filled, me, "wrong", action, chosen, **more)
    for action, more in (
        ("clear", {}),
        ("gold", {}),
        ("set", {"attribute": "glasses", "value": 1, "adjudicate": True}),
    ):
        with pytest.raises(Forbidden):
            change(filled, other, "wrong", action, [image], **more)
    assert (row_count(filled, Submission), row_count(filled, Annotation)) == (0, 0)
    assert row_count(filled, Image) == 40
