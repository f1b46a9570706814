"""An overlapped image is asked until its answers are sure, and first of those who are good at the uncertain attribute."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from annotator.models import OpinionWanted
from annotator.project import ProjectFolder
from annotator.services.projects import init_project
from annotator.services.schema.active import active_schema
from annotator.services.tasks.labellers import kept_models, renew_models
from annotator.services.tasks.overlap import LabellerEstimates, follow_models
from tests.support.projects.images import draw_plain_images, import_images
from tests.support.projects.labelling import ALL, Person, lapse_leases
from tests.support.projects.reviewing import save_correction
from tests.support.projects.team import set_team_settings, vote_at_once

IMAGES = 64
NAMES = ("Ada", "Bob", "Cleo", "Dan")


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every image with answers of Ada and Bob, who differ on the glasses of each eighth."""
    folder = tmp_path_factory.mktemp("answered")
    project = init_project(folder / "project")
    draw_plain_images(folder / "images", IMAGES)
    import_images(project, [folder / "images"])
    set_team_settings(project, overlap_share=1.0, overlap_opinions=4, overlap_confidence=0.9)
    ada, bob, *_ = (Person(project, name) for name in NAMES)
    vote_at_once(ada, {image: image % 2 for image in range(1, IMAGES + 1)})
    vote_at_once(bob, {image: (image + (image % 8 == 0)) % 2 for image in range(1, IMAGES + 1)})
    project.database.close()
    return project.path


@pytest.fixture
def team(answered: Path, tmp_path: Path) -> Iterator[tuple[ProjectFolder, dict[str, Person]]]:
    shutil.copytree(answered, tmp_path / "project")
    project = ProjectFolder.open(tmp_path / "project")
    yield project, {name: Person(project, name) for name in NAMES}
    project.database.close()


def wanted(project: ProjectFolder) -> dict[int, str | None]:
    """The images that want an opinion, with the least certain attribute."""
    with project.database.read() as session:
        names = active_schema(session).names
        rows = session.execute(
            select(OpinionWanted.image_id, OpinionWanted.attribute_id).order_by(OpinionWanted.id)
        )
        return {image: names.get(attribute) for image, attribute in rows.all()}


def test_only_uncertain_images_are_asked_of_a_third_person(team):
    project, people = team
    assert wanted(project).keys() == set(range(1, IMAGES + 1))  # nobody is measured yet
    LabellerEstimates(project).run_step()
    uncertain = dict.fromkeys(range(8, IMAGES + 1, 8), "glasses")
    assert wanted(project) == uncertain
    [task] = people["Cleo"].next(1)
    people["Cleo"].answer(task, ALL | {"glasses": 0}, key="k")
    assert wanted(project) == {image: name for image, name in uncertain.items() if image != task.image_id}
    people["Cleo"].undo("k")
    assert wanted(project) == uncertain


def test_at_full_confidence_everybody_is_asked(team):
    project, _ = team
    set_team_settings(project, overlap_share=1.0, overlap_opinions=3, overlap_confidence=1.0)
    assert renew_models(project)
    follow_models(project)
    assert wanted(project).keys() == set(range(1, IMAGES + 1))
    assert not renew_models(project)  # nothing is new


def test_what_a_reviewer_decided_is_sure(team):
    project, _ = team
    LabellerEstimates(project).run_step()
    save_correction(project, Person(project), 8, {"glasses": 1}, "d", adjudicate=True)
    assert 8 not in wanted(project)


def test_a_new_image_is_answered_by_two_people_in_any_case(team, tmp_path: Path):
    project, people = team
    LabellerEstimates(project).run_step()
    draw_plain_images(tmp_path / "more", IMAGES + 1)
    import_images(project, [tmp_path / "more"])
    [task] = people["Ada"].next(1)
    people["Ada"].answer(task, ALL)
    assert task.image_id in wanted(project)


def test_uncertain_images_go_first_to_those_whom_no_free_colleague_surpasses(team):
    project, people = team
    everybody = {"overlap_share": 1.0, "overlap_opinions": 4, "overlap_confidence": 1.0}
    set_team_settings(project, **everybody)
    vote_at_once(people["Cleo"], {image: image % 2 for image in range(1, 41)})
    vote_at_once(people["Dan"], {image: (image + (image % 3 > 0)) % 2 for image in range(1, 41)})
    LabellerEstimates(project).run_step()
    with project.database.read() as session:
        model = kept_models(session)[active_schema(session).ids["glasses"]]
        cleo, dan, new = (model.accuracy(people[name].id) for name in ("Cleo", "Dan", "Ada"))
    assert min(cleo, new) > dan + 0.1
    vote_at_once(people["Cleo"], {image: image % 2 for image in range(41, 53)})
    order = list(wanted(project))  # of waiting
    assert (set(order[:12]), set(order[12:])) == (set(range(53, IMAGES + 1)), set(range(41, 53)))
    first = {task.image_id for task in people["Dan"].next(4)}
    assert first <= set(range(41, 53))  # the others wait a while for Cleo
    lapse_leases(project)
    assert len(people["Dan"].next(IMAGES)) == 24  # but nobody is left without
