"""A team of labellers: its settings, votes and gold images."""

from collections import defaultdict
from collections.abc import Mapping

import pytest
from sqlalchemy import select, update

from annotator.models import Project, Submission
from annotator.project import ProjectFolder
from annotator.services.annotation.submit import Submitted, submit
from annotator.services.rounds.loading import load_predictions
from annotator.services.tasks import withholding
from annotator.services.tasks.overlap import rebuild_wanted_opinions
from annotator.services.tasks.settings import MAX_WITHHELD, TeamSettings, write_settings
from annotator.services.team.gold import make_gold
from tests.support.predictions_folder import SURE, write_predictions
from tests.support.projects.images import names_of
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.reviewing import save_correction


def set_team_settings(project: ProjectFolder, **settings: object) -> None:
    """Write the team's settings, without gold images unless told, and choose the images of overlap anew."""
    with project.database.write() as session:
        write_settings(session, TeamSettings(**({"gold_share": 0.0} | settings)))
        rebuild_wanted_opinions(session)


def answerers_of(project: ProjectFolder) -> dict[int, list[int]]:
    """The ids of the labellers of each image, one for every answer that was not undone."""
    labellers = defaultdict(list)
    with project.database.read() as session:
        undone = select(Submission.undoes).where(Submission.undoes.is_not(None))
        query = select(Submission.image_id, Submission.labeller_id).where(
            Submission.kind == "answer", Submission.id.not_in(undone)
        )
        for image, person in session.execute(query):
            labellers[image].append(person)
    return labellers


def answer_everything(people: list[Person], **values: object) -> None:
    """Let people answer in turn until no image is left for any of them."""
    answered = 1
    while answered:
        answered = 0
        for person in people:
            for task in person.next(5):
                person.answer(task, ALL | values)
                answered += 1


def vote_at_once(person: Person, glasses: Mapping[int, int]) -> None:
    """Let somebody answer images at once, with ALL but for the glasses: image id → code."""
    with person.project.database.write() as session:
        for image, code in glasses.items():
            values = ALL | {"glasses": code}
            submit(session, person.id, Submitted(f"{person.id} {image}", image, None, values))


def make_gold_images(project: ProjectFolder, *images: int) -> None:
    """Make images gold, with the answers ALL."""
    reviewer = Person(project)
    for image in images:
        save_correction(project, reviewer, image, ALL, f"gold {image}", adjudicate=True)
        with project.database.write() as session:
            make_gold(session, reviewer.id, image)


def vote_on_glasses(project: ProjectFolder, *codes: int, **settings: object) -> list[Person]:
    """Give every image one vote on the glasses per code; the first vote becomes the label. Returns the voters."""
    set_team_settings(project, overlap_share=1.0, overlap_opinions=max(2, len(codes)), **settings)
    people = [Person(project, f"person {number}") for number in range(len(codes))]
    for person, code in zip(people, codes, strict=True):
        answer_everything([person], glasses=code)
    return people


def withhold_suggestions(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a model be sure that nobody wears glasses, and withhold a fifth of its suggestions, always the same ones."""
    monkeypatch.setattr(withholding, "FEWEST_WITHHELD", 1)
    answers = dict.fromkeys(names_of(project), SURE)
    load_predictions(project, write_predictions(project, project.rounds / "7", answers))
    set_team_settings(project, withhold_share=MAX_WITHHELD)
    with project.database.write() as session:
        session.execute(update(Project).values(withhold_key="key"))


def answer_glasses(person: Person, *, blind: int) -> None:
    """Accept every suggestion that is shown, and answer `blind` where none is."""
    for task in person.next(40):
        accepted = frozenset({"glasses"} if any(cell.suggestion for cell in task.cells) else ())
        person.answer(task, {"glasses": 0 if accepted else blind}, accepted=accepted)
