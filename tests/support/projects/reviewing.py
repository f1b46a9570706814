"""Corrections, and what the browse and review pages list."""

from typing import Any

from annotator.project import ProjectFolder
from annotator.services.review.corrections import Correction, correct
from annotator.services.review.details import read_image
from annotator.services.review.filters import Filters
from annotator.services.review.listing import find_images
from annotator.services.review.queue import Kind, review_queue
from tests.support.projects.labelling import ALL, Person, lapse_leases


def save_correction(
    project: ProjectFolder, person: Person, image: int, values: dict, key: str, **more: Any
) -> None:
    """Correct an image's labels as a reviewer does."""
    with project.database.write() as session:
        correct(session, person.id, Correction(key, image, values, **more))


def late_opinion(project: ProjectFolder, label: int, opinion: int) -> int:
    """Give an image the label of one person and a late vote of another; returns its id."""
    slow, quick = Person(project, "slow"), Person(project, "quick")
    [task] = slow.next()
    lapse_leases(project)
    [again] = [t for t in quick.next(40) if t.image_id == task.image_id]
    quick.answer(again, ALL | {"glasses": label})
    slow.answer(task, {"glasses": opinion}, key="late")
    return task.image_id


def names_in_view(project: ProjectFolder, limit: int = 7, **filters: Any) -> list[str]:
    """The names of the images that pass the filters, read page by page."""
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


def cell_of(project: ProjectFolder, image_id: int, attribute: str = "glasses"):
    """What the browse page says about one attribute of an image."""
    with project.database.read() as session:
        return next(c for c in read_image(project, session, image_id).cells if c.attribute == attribute)


def images_to_review(project: ProjectFolder, kind: Kind) -> list[int]:
    """The ids of the images that wait for a reviewer for this reason."""
    with project.database.read() as session:
        page = review_queue(project, session, kind, after=None, limit=50)
        return [image.id for image in page.images]
