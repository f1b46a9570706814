"""Several labellers: their settings, votes and gold images."""

from collections import defaultdict

from sqlalchemy import select

from annotator.models import Submission
from annotator.project import ProjectFolder
from annotator.services.tasks.overlap import want_anew
from annotator.services.tasks.settings import TeamSettings, write_settings
from annotator.services.team.gold import make_gold
from tests.support.labelling import ALL, Person
from tests.support.reviewing import correction


def agree(project: ProjectFolder, **settings: object) -> None:
    """Write the team's settings, without gold images unless told, and choose the images of overlap anew."""
    with project.database.write() as session:
        write_settings(session, TeamSettings(**({"gold_share": 0.0} | settings)))
        want_anew(session)


def people_of(project: ProjectFolder) -> dict[int, list[int]]:
    """Per image, who answered it; a person twice if twice."""
    found = defaultdict(list)
    with project.database.read() as session:
        undone = select(Submission.undoes).where(Submission.undoes.is_not(None))
        query = select(Submission.image_id, Submission.labeller_id).where(
            Submission.kind == "answer", Submission.id.not_in(undone)
        )
        for image, person in session.execute(query):
            found[image].append(person)
    return found


def work(people: list[Person], **values: object) -> None:
    """Everybody answers in turn until nobody is given anything."""
    given = 1
    while given:
        given = 0
        for person in people:
            for task in person.next(5):
                person.answer(task, ALL | values)
                given += 1


def golden(project: ProjectFolder, *images: int) -> None:
    """Make images gold whose answers are ALL."""
    reviewer = Person(project)
    for image in images:
        correction(project, reviewer, image, ALL, f"gold {image}", adjudicate=True)
        with project.database.write() as session:
            make_gold(session, reviewer.id, image)


def opinions(project: ProjectFolder, *codes: int, **settings: object) -> list[Person]:
    """Every image gets one opinion per code on the glasses, the first of them as its label."""
    agree(project, overlap_share=1.0, overlap_opinions=max(2, len(codes)), **settings)
    people = [Person(project, f"person {number}") for number in range(len(codes))]
    for person, code in zip(people, codes, strict=True):
        work([person], glasses=code)
    return people
