"""Suspicious labels are asked again when noise is measured: blind, of another person, or a day later of a single labeller."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from annotator.domain.roles import Role
from annotator.models import Annotation, AskedAgain, Image, Submission, now
from annotator.project import ProjectFolder
from annotator.services.rounds.loading import load_predictions
from annotator.services.tasks.overlap import rebuild_wanted_opinions
from annotator.services.tasks.settings import TeamSettings, write_settings
from annotator.services.team import label_noise
from annotator.services.team.gold import make_gold
from annotator.services.team.label_noise import LabelNoise, read_noise
from annotator.services.team.metrics import compute_team_metrics
from annotator.services.team.relabel_scheduler import RelabelScheduler, schedule_relabeling
from tests.support.predictions_folder import SURE, write_predictions
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person, labels_of, lapse_leases
from tests.support.projects.reviewing import images_to_review, save_correction
from tests.support.projects.round_results import write_label_issues
from tests.support.projects.team import answer_everything, set_team_settings


@pytest.fixture(autouse=True)
def few_are_enough(monkeypatch: pytest.MonkeyPatch):
    """The project has forty images: a tenth of what is asked for is enough here."""
    monkeypatch.setattr(label_noise, "ENOUGH", 5)
    monkeypatch.setattr(label_noise, "REFUTING", 3)


def suspected(project: ProjectFolder, person: Person, count: int = 4) -> list[int]:
    """Everything is answered by a person; the search suspects the glasses of some training images, which are returned."""
    answer_everything([person])
    names = names_of(project, split="train")[:count]
    write_label_issues(project, names)
    return [image_of(project, name) for name in names]


def forgotten(project: ProjectFolder, days: float) -> None:
    """All that was submitted so far was submitted so long ago."""
    with project.database.write() as session:
        session.execute(update(Submission).values(created_at=now() - timedelta(days=days)))
    lapse_leases(project)


def given(person: Person) -> list[int]:
    """What a person is given when nothing new is left."""
    found = [task.image_id for task in person.next(40)]
    lapse_leases(person.project)
    return found


def glasses(project: ProjectFolder) -> LabelNoise:
    with project.database.read() as session:
        return next(noise for noise in read_noise(project, session) if noise.attribute == "glasses")


def test_somebody_else_is_asked_blind_and_no_label_changes(filled: ProjectFolder):
    set_team_settings(filled)
    ada, bob = Person(filled, "Ada"), Person(filled, "Bob")
    images = suspected(filled, ada)
    sure = dict.fromkeys(names_of(filled), SURE)
    load_predictions(filled, write_predictions(filled, filled.rounds / "2" / "predictions", sure))
    assert schedule_relabeling(filled) == 4
    assert schedule_relabeling(filled) == 0
    assert given(ada) == []
    assert sorted(given(bob)) == sorted(images)
    for task in bob.next(4):
        assert (task.labels, len(task.cells)) == ({}, 7)
        assert not any(cell.suggestion for cell in task.cells)
        bob.answer(task, ALL | {"glasses": 1 if task.image_id == images[0] else 2})
    assert [labels_of(filled, image) for image in images] == [ALL] * 4
    assert images_to_review(filled, "opinions") == images[:1]
    assert given(bob) == given(Person(filled, "Cleo")) == []
    again = glasses(filled).again
    assert (again.asked, again.answered, again.otherwise) == (4, 4, 1)


def test_who_works_alone_is_asked_a_day_later_and_keeps_the_label(filled: ProjectFolder):
    set_team_settings(filled)
    me = Person(filled)
    images = suspected(filled, me)
    schedule_relabeling(filled)
    assert given(me) == []
    forgotten(filled, days=2)
    tasks = me.next(40)
    assert {task.image_id for task in tasks} == set(images)
    for task in tasks:
        me.answer(task, ALL | {"glasses": 1 if task.image_id == images[1] else 2}, key=f"k{task.image_id}")
    forgotten(filled, days=2)
    assert given(me) == []
    assert labels_of(filled, images[1]) == ALL
    assert images_to_review(filled, "opinions") == [images[1]]
    with filled.database.read() as session:
        origins = select(Annotation.origin).where(Annotation.image_id == images[1])
        assert set(session.scalars(origins)) == {"human", "opinion"}
        # One person twice is no agreement of two.
        assert not any(metrics.images for metrics in compute_team_metrics(session).attributes)
    me.undo(f"k{images[1]}")
    assert given(me) == [images[1]]
    assert labels_of(filled, images[1]) == ALL


def test_who_has_others_is_not_asked_what_they_said(filled: ProjectFolder):
    set_team_settings(filled)
    ada, bob = Person(filled, "Ada"), Person(filled, "Bob")
    for task in bob.next(1):
        bob.answer(task, ALL)
    images = suspected(filled, ada)
    schedule_relabeling(filled)
    forgotten(filled, days=2)
    assert set(given(ada)) <= set(images)
    assert len(set(given(bob)) & set(given(ada))) == 0
    forgotten(filled, days=60)  # Bob has left
    assert set(given(ada)) == set(images)


def test_the_share_of_the_work_is_theirs_and_none_is_asked_without_one(filled: ProjectFolder):
    set_team_settings(filled, relabel_share=0.5)
    ada, bob = Person(filled, "Ada", Role.REVIEWER), Person(filled, "Bob")
    names = names_of(filled, split="train")[:3]
    images = [image_of(filled, name) for name in names]
    for place, image in enumerate([*images, *(n for n in range(1, 41) if n not in images)][:12]):
        save_correction(filled, ada, image, ALL, f"c{place}")
    write_label_issues(filled, names)
    assert schedule_relabeling(filled) == 3
    mixed = [task.image_id for task in bob.next(20)]
    assert len(mixed) == 20
    assert set(images) <= set(mixed)
    lapse_leases(filled)
    with filled.database.write() as session:
        write_settings(session, TeamSettings(gold_share=0, relabel_share=0))
        rebuild_wanted_opinions(session)
    answer_everything([bob])
    with filled.database.read() as session:
        query = select(Submission.image_id).where(Submission.labeller_id == bob.id)
        assert not set(images) & set(session.scalars(query))


def test_audit_gold_and_decided_images_are_not_asked_again(filled: ProjectFolder):
    set_team_settings(filled)
    ada = Person(filled, "Ada")
    images = suspected(filled, ada, 6)
    audit, decided, golden = images[:3]
    for image in (decided, golden):
        save_correction(filled, Person(filled), image, ALL, f"d{image}", adjudicate=True)
    with filled.database.write() as session:
        make_gold(session, ada.id, golden)
        session.execute(update(Image).where(Image.id == audit).values(split="test"))
    assert schedule_relabeling(filled) == 3
    # What is decided or becomes an audit image meanwhile is asked no more.
    save_correction(filled, Person(filled), images[3], {"glasses": 2}, "e", adjudicate=True)
    with filled.database.write() as session:
        session.execute(update(Image).where(Image.id == images[4]).values(split="test"))
    assert given(Person(filled, "Bob")) == images[5:]


def test_nothing_is_asked_while_no_noise_is_measured(filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(label_noise, "ENOUGH", 1000)
    set_team_settings(filled)
    suspected(filled, Person(filled, "Ada"))
    assert schedule_relabeling(filled) == 0
    known = glasses(filled)
    assert not known.measured
    assert known.text.endswith("(without audit images). Labels are not asked again.")


def test_answers_that_agree_end_the_asking(filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(label_noise, "LIMIT", 0.04)
    set_team_settings(filled)
    ada, bob = Person(filled, "Ada"), Person(filled, "Bob")
    suspected(filled, ada, 8)
    assert schedule_relabeling(filled) == 8
    assert glasses(filled).measured
    answer_everything([bob])
    known = glasses(filled)
    assert (known.again.answered, known.again.otherwise, known.measured) == (8, 0, True)
    monkeypatch.setattr(label_noise, "LIMIT", 0.09)
    known = glasses(filled)
    assert not known.measured
    assert "8 asked again: 0 waiting, 8 answered, 0 of them differently from the label." in known.text


def test_a_new_list_is_looked_at_once(filled: ProjectFolder):
    set_team_settings(filled)
    scheduler = RelabelScheduler(filled)
    scheduler.schedule_if_new()
    suspected(filled, Person(filled, "Ada"), 2)
    for _ in range(2):
        scheduler.schedule_if_new()
        with filled.database.read() as session:
            assert len(session.scalars(select(AskedAgain.id)).all()) == 2


def test_mistakes_in_gold_are_told_by_attribute(filled: ProjectFolder):
    set_team_settings(filled, gold_share=0.5)
    reviewer, bob = Person(filled), Person(filled, "Bob")
    for image in range(1, 11):
        save_correction(filled, reviewer, image, ALL, f"gold {image}", adjudicate=True)
        with filled.database.write() as session:
            make_gold(session, reviewer.id, image)
    answer_everything([bob], glasses=1)
    known = glasses(filled)
    assert known.gold is not None
    assert known.gold.value == 1
    assert known.measured
    assert "answers to gold images were wrong" in known.text
