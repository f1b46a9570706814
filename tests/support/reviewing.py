"""Corrections, and what the browse and review pages list."""

from typing import Any

from annotator.project import ProjectFolder
from annotator.services.review.corrections import Correction, correct
from annotator.services.review.details import read_image
from annotator.services.review.filters import Filters
from annotator.services.review.listing import find_images
from annotator.services.review.queue import Kind, review_queue
from tests.support.labelling import ALL, Person, lapse_leases


def correction(
    project: ProjectFolder, person: Person, image: int, values: dict, key: str, **more: Any
) -> None:
    with project.database.write() as session:
        correct(session, person.id, Correction(key, image, values, **more))


def late_opinion(project: ProjectFolder, label: int, opinion: int) -> int:
    """An image with a label of one person and a late opinion of another one."""
    slow, quick = Person(project, "slow"), Person(project, "quick")
    [task] = slow.next()
    lapse_leases(project)
    [again] = [t for t in quick.next(40) if t.image_id == task.image_id]
    quick.answer(again, ALL | {"glasses": label})
    slow.answer(task, {"glasses": opinion}, key="late")
    return task.image_id


def found(project: ProjectFolder, limit: int = 7, **filters: Any) -> list[str]:
    """The names of a view, page by page."""
    names: list[str] = []
    after = None
    with project.database.read() as session:
        while True:
            page = find_images(project, session, Filters(**filters), after=after, limit=limit)
            assert len(page.images) <= limit
            names += [image.name for image in page.images]
            if page.next is None:
                return names
            assert after is None or page.next > after
            after = page.next


def cell(project: ProjectFolder, image_id: int, attribute: str = "glasses"):
    with project.database.read() as session:
        return next(c for c in read_image(project, session, image_id).cells if c.attribute == attribute)


def queue(project: ProjectFolder, kind: Kind) -> list[int]:
    with project.database.read() as session:
        page = review_queue(project, session, kind, after=None, limit=50)
        return [image.id for image in page.images]
