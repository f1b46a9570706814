"""Skipped images come back when nothing else is left, or when their labeller asks for them."""

from sqlalchemy import select

from annotator.models import Skip
from annotator.project import ProjectFolder
from annotator.services.review.filters import Filters
from annotator.services.review.listing import find_images
from annotator.services.tasks.skipped import count_skipped
from tests.support.projects.labelling import ALL, Person


def skipped(project: ProjectFolder, me: Person) -> int:
    with project.database.read() as session:
        return count_skipped(session, me.id)


def test_skipped_images_come_last_and_only_once(filled: ProjectFolder):
    me = Person(filled)
    tasks = me.next(40)
    for task in tasks[2:]:
        me.answer(task, ALL)
    for task in tasks[:2]:
        me.answer(task, {}, skip=True, reason="too dark")
    assert skipped(filled, me) == 2
    assert me.next(5) == [], "a program that does not ask for them does not get them"
    assert Person(filled, "other").next(1)[0].image_id in {task.image_id for task in tasks[:2]}
    [back] = me.next(5, skipped="last")
    assert skipped(filled, me) == 1, "it is held again"
    me.answer(back, {}, skip=True)
    assert me.next(5, skipped="last") == [], "nobody is given the same image for ever"
    assert [task.image_id for task in me.next(5, skipped="only")] == [back.image_id]
    me.answer(back, ALL)
    with filled.database.read() as session:
        assert session.scalars(select(Skip.reason)).all().count("too dark") == 1, (
            "the other reason was replaced"
        )


def test_an_image_that_is_asked_for_comes_before_the_others(filled: ProjectFolder):
    me = Person(filled)
    first = me.next(1)[0]
    me.answer(first, {}, skip=True)
    assert first.image_id not in {task.image_id for task in me.next(3, skipped="last")}
    assert [task.image_id for task in me.next(3, skipped="only")] == [first.image_id]


def test_browse_finds_skipped_images(filled: ProjectFolder):
    me = Person(filled)
    first, second = me.next(2)
    me.answer(first, {}, skip=True)
    me.answer(second, {}, skip=True)
    me.answer(second, ALL)
    for skipped, expected in (("open", {first.image_id}), ("any", {first.image_id, second.image_id})):
        with filled.database.read() as session:
            page = find_images(filled, session, Filters(skipped=skipped), limit=10)
        assert {card.id for card in page.images} == expected
