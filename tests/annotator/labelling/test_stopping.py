"""An overlapped image is asked until its answers are sure, and first of those who are good at the attribute in doubt."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import select

from annotator.models import OpinionWanted
from annotator.project import ProjectFolder
from annotator.services.schema.active import active_schema
from annotator.services.tasks.labellers import kept_models, renew_models
from annotator.services.tasks.overlap import LabellerEstimates, follow_models
from tests.support.projects.images import draw_plain_images, import_images
from tests.support.projects.labelling import ALL, Person, lapse_leases
from tests.support.projects.reviewing import save_correction
from tests.support.projects.team import set_team_settings

IMAGES = 64


@pytest.fixture
def team(project: ProjectFolder, tmp_path: Path) -> tuple[ProjectFolder, dict[str, Person]]:
    """Every image with answers of Ada and Bob, who differ on the glasses of each eighth."""
    draw_plain_images(tmp_path / "images", IMAGES)
    import_images(project, [tmp_path / "images"])
    set_team_settings(project, overlap_share=1.0, overlap_opinions=4, overlap_confidence=0.98)
    people = {name: Person(project, name) for name in ("Ada", "Bob", "Cleo", "Dan")}
    answer(people["Ada"], {image: image % 2 for image in range(1, IMAGES + 1)})
    answer(people["Bob"], {image: (image + (image % 8 == 0)) % 2 for image in range(1, IMAGES + 1)})
    return project, people


def answer(person: Person, glasses: Mapping[int, int]) -> list[int]:
    """Let somebody answer the images that they get and that are among some. Returns these in their order."""
    answered = []
    for task in person.next(IMAGES):
        if task.image_id in glasses:
            person.answer(task, ALL | {"glasses": glasses[task.image_id]}, key=f"{person.id} {task.image_id}")
            answered.append(task.image_id)
    lapse_leases(person.project)
    return answered


def wanted(project: ProjectFolder) -> dict[int, str | None]:
    """The images that want an opinion, with the attribute in doubt."""
    with project.database.read() as session:
        names = active_schema(session).names
        rows = session.execute(
            select(OpinionWanted.image_id, OpinionWanted.attribute_id).order_by(OpinionWanted.id)
        )
        return {image: names.get(attribute) for image, attribute in rows.all()}


def test_only_images_in_doubt_are_asked_of_a_third_person(team):
    project, people = team
    assert wanted(project).keys() == set(range(1, IMAGES + 1))  # nobody is measured yet
    LabellerEstimates(project).run_step()
    doubtful = dict.fromkeys(range(8, IMAGES + 1, 8), "glasses")
    assert wanted(project) == doubtful
    [task] = people["Cleo"].next(1)
    people["Cleo"].answer(task, ALL | {"glasses": 0}, key="k")
    assert wanted(project) == {image: name for image, name in doubtful.items() if image != task.image_id}
    people["Cleo"].undo("k")
    assert wanted(project) == doubtful


def test_at_full_confidence_everybody_is_asked(team):
    project, _ = team
    set_team_settings(project, overlap_share=1.0, overlap_opinions=3, overlap_confidence=1.0)
    assert renew_models(project)
    follow_models(project)
    assert wanted(project).keys() == set(range(1, IMAGES + 1))
    assert not renew_models(project)  # nothing is new


def test_what_a_reviewer_decided_is_sure(team):
    project, people = team
    LabellerEstimates(project).run_step()
    save_correction(project, people["Dan"], 8, {"glasses": 1}, "d", adjudicate=True)
    assert 8 not in wanted(project)


def test_a_new_image_is_answered_by_two_people_in_any_case(team, tmp_path: Path):
    project, people = team
    LabellerEstimates(project).run_step()
    draw_plain_images(tmp_path / "more", IMAGES + 1)
    import_images(project, [tmp_path / "more"])
    [task] = people["Ada"].next(1)
    people["Ada"].answer(task, ALL)
    assert task.image_id in wanted(project)


def test_doubtful_images_go_first_to_those_whom_no_free_colleague_surpasses(team):
    project, people = team
    everybody = {"overlap_share": 1.0, "overlap_opinions": 4, "overlap_confidence": 1.0}
    set_team_settings(project, **everybody)
    answer(people["Cleo"], {image: image % 2 for image in range(1, 41)})
    answer(people["Dan"], {image: (image + (image % 3 > 0)) % 2 for image in range(1, 41)})
    LabellerEstimates(project).run_step()
    with project.database.read() as session:
        model = kept_models(session)[active_schema(session).ids["glasses"]]
        cleo, dan, new = (model.accuracy(people[name].id) for name in ("Cleo", "Dan", "Ada"))
    assert min(cleo, new) > dan + 0.1
    answer(people["Cleo"], {image: image % 2 for image in range(41, 53)})
    assert list(wanted(project)) == [*range(53, IMAGES + 1), *range(41, 53)]  # in the order of waiting
    first = {task.image_id for task in people["Dan"].next(4)}
    assert first <= set(range(41, 53))  # the others wait a while for Cleo
    lapse_leases(project)
    assert len(people["Dan"].next(IMAGES)) == 24  # but nobody is left without
