"""Overlap: several people answer a share of the images, blind and each of them once."""

from collections import Counter

import pytest
from sqlalchemy import func, select

from annotator.errors import FacelabelError
from annotator.models import Annotation, Image, OpinionWanted
from annotator.project import ProjectFolder
from annotator.services.annotation.bulk import SweepSelection, lease_page
from annotator.services.rounds.loading import load_predictions
from annotator.services.tasks.cursor import reset_cursors
from annotator.services.tasks.settings import TeamSettings, team_settings, write_settings
from annotator.services.tasks.visibility import is_blind
from tests.support.predictions_folder import SURE, write_predictions
from tests.support.projects.images import names_of
from tests.support.projects.labelling import ALL, Person, done_count, labels_of, lapse_leases
from tests.support.projects.team import answer_everything, answerers_of, set_team_settings


def test_every_overlapped_image_gets_exactly_the_wanted_number_of_people(filled: ProjectFolder):
    set_team_settings(filled, overlap_share=1.0, overlap_opinions=2)
    answer_everything([Person(filled, name) for name in ("Ada", "Bob", "Cleo")])
    people = answerers_of(filled)
    assert len(people) == 40
    assert {(len(found), len(set(found))) for found in people.values()} == {(2, 2)}
    with filled.database.read() as session:
        assert session.scalar(select(func.count()).select_from(OpinionWanted)) == 0


def test_one_labeller_alone_is_done_when_everything_is_answered_once(filled: ProjectFolder):
    set_team_settings(filled, overlap_share=1.0, overlap_opinions=3)
    answer_everything([Person(filled)])
    assert {len(found) for found in answerers_of(filled).values()} == {1}
    assert done_count(filled) == 40
    with filled.database.write() as session:
        reset_cursors(session)
    assert Person(filled).next(5) == []


def test_a_further_opinion_is_given_blind_and_changes_no_label(filled: ProjectFolder):
    load_predictions(
        filled, write_predictions(filled, filled.rounds / "1", dict.fromkeys(names_of(filled), SURE))
    )
    set_team_settings(filled, overlap_share=1.0, overlap_opinions=2)
    ada, bob = Person(filled, "Ada"), Person(filled, "Bob")
    first = ada.next(40)
    assert not any(cell.suggestion for task in first for cell in task.cells)
    for task in first:
        ada.answer(task, ALL)
    [task] = bob.next(1)
    assert (task.labels, len(task.cells)) == ({}, 7)
    assert not any(cell.suggestion for cell in task.cells)
    outcome = bob.answer(task, ALL | {"glasses": 0})
    assert not outcome.late
    assert labels_of(filled, task.image_id) == ALL
    with filled.database.read() as session:
        query = select(Annotation.origin).where(Annotation.image_id == task.image_id)
        assert Counter(session.scalars(query)) == {"human": 6, "opinion": 6}


def test_which_images_overlap_is_decided_by_their_own_number(filled: ProjectFolder):
    with filled.database.read() as session:
        numbers = sorted(session.scalars(select(Image.shuffle)))
    set_team_settings(filled, overlap_share=0.25)
    with filled.database.read() as session:
        quarter = team_settings(session).overlap_end
    assert 0 < sum(number < quarter for number in numbers) < 40
    ada, bob = Person(filled, "Ada"), Person(filled, "Bob")
    answer_everything([ada])
    answer_everything([bob])
    overlapped = {image for image, found in answerers_of(filled).items() if len(found) == 2}
    with filled.database.read() as session:
        assert overlapped == set(session.scalars(select(Image.id).where(Image.shuffle < quarter)))


def test_more_overlap_is_wanted_of_images_that_were_answered_before(filled: ProjectFolder):
    ada, bob = Person(filled, "Ada"), Person(filled, "Bob")
    answer_everything([ada, bob])
    set_team_settings(filled, overlap_share=1.0)
    answer_everything([ada, bob])
    assert {len(set(found)) for found in answerers_of(filled).values()} == {2}


def test_an_undone_vote_is_asked_for_again(filled: ProjectFolder):
    set_team_settings(filled, overlap_share=1.0)
    ada, bob, cleo = (Person(filled, name) for name in ("Ada", "Bob", "Cleo"))
    answer_everything([ada])
    [task] = bob.next(1)
    bob.answer(task, ALL, key="k")
    bob.undo("k")
    lapse_leases(filled)
    answer_everything([cleo])
    assert {len(set(found)) for found in answerers_of(filled).values()} == {2}
    assert labels_of(filled, task.image_id) == ALL


def test_an_outstayed_opinion_counts_for_nobody_else(filled: ProjectFolder):
    set_team_settings(filled, overlap_share=1.0)
    ada, bob, cleo = (Person(filled, name) for name in ("Ada", "Bob", "Cleo"))
    answer_everything([ada])
    [slow] = bob.next(1)
    assert slow.image_id not in {task.image_id for task in cleo.next(39)}
    lapse_leases(filled)
    [quick] = [task for task in cleo.next(40) if task.image_id == slow.image_id]
    cleo.answer(quick, ALL)
    assert bob.answer(slow, ALL).late
    assert labels_of(filled, slow.image_id) == ALL


def test_overlapped_images_are_not_swept_and_blind_until_they_have_their_opinions(filled: ProjectFolder):
    load_predictions(
        filled, write_predictions(filled, filled.rounds / "1", dict.fromkeys(names_of(filled), SURE))
    )
    set_team_settings(filled, overlap_share=1.0)
    ada, bob = Person(filled, "Ada"), Person(filled, "Bob")
    with filled.database.write() as session:
        assert (
            lease_page(filled, session, ada.id, SweepSelection("glasses", 0), count=10, lease_seconds=9) == []
        )
        assert lease_page(filled, session, ada.id, SweepSelection("glasses"), count=10, lease_seconds=9) == []
    blind = []
    for person in (None, ada, bob):
        if person:
            answer_everything([person])
        with filled.database.read() as session:
            blind.append(sum(is_blind(session, image) for image in session.scalars(select(Image))))
    audit = len(names_of(filled, split="test"))  # their suggestions stay hidden
    assert blind == [40, 40, audit]


@pytest.mark.parametrize(
    "wrong",
    [{"overlap_share": 1.5}, {"overlap_opinions": 1}, {"gold_share": 0.6}, {"aggregation": "dictator"}],
)
def test_settings_out_of_range_are_refused(project: ProjectFolder, wrong: dict):
    with pytest.raises(FacelabelError), project.database.write() as session:
        write_settings(session, TeamSettings(**wrong))
    with project.database.read() as session:
        assert team_settings(session) == TeamSettings()
