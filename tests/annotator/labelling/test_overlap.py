"""Overlap: a share of the images is answered by several people, blind, each of them once."""

from collections import Counter, defaultdict

import pytest
from sqlalchemy import func, select

from annotator.errors import FacelabelError
from annotator.models import Annotation, Image, OpinionWanted, Submission
from annotator.project import ProjectFolder
from annotator.services.annotation.bulk import Wish, lease_page
from annotator.services.predictions.active import load_predictions
from annotator.services.tasks.cursor import forget_passed
from annotator.services.tasks.overlap import want_anew
from annotator.services.tasks.settings import TeamSettings, team_settings, write_settings
from annotator.services.tasks.visibility import is_blind
from tests.annotator.labelling.test_labels import ALL, Person, done, labels_of, lapse_leases
from tests.annotator.labelling.test_queue import SURE, names_of
from tests.support.predictions_folder import write_predictions


def agree(project: ProjectFolder, **settings: object) -> None:
    """Put settings of the team in active."""
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


def test_every_overlapped_image_gets_exactly_the_wanted_number_of_people(filled: ProjectFolder):
    agree(filled, overlap_share=1.0, overlap_opinions=2)
    work([Person(filled, name) for name in ("Ada", "Bob", "Cleo")])
    people = people_of(filled)
    assert len(people) == 40
    assert {(len(found), len(set(found))) for found in people.values()} == {(2, 2)}
    with filled.database.read() as session:
        assert session.scalar(select(func.count()).select_from(OpinionWanted)) == 0


def test_one_labeller_alone_is_done_when_everything_is_answered_once(filled: ProjectFolder):
    agree(filled, overlap_share=1.0, overlap_opinions=3)
    work([Person(filled)])
    assert {len(found) for found in people_of(filled).values()} == {1}
    assert done(filled) == 40
    with filled.database.read() as session:
        forget_passed(session)
    assert Person(filled).next(5) == []


def test_a_further_opinion_is_given_blind_and_changes_no_label(filled: ProjectFolder):
    load_predictions(
        filled, write_predictions(filled, filled.rounds / "1", dict.fromkeys(names_of(filled), SURE))
    )
    agree(filled, overlap_share=1.0, overlap_opinions=2)
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
    agree(filled, overlap_share=0.25)
    with filled.database.read() as session:
        quarter = team_settings(session).overlap_end
    assert 0 < sum(number < quarter for number in numbers) < 40
    ada, bob = Person(filled, "Ada"), Person(filled, "Bob")
    work([ada])
    work([bob])
    overlapped = {image for image, found in people_of(filled).items() if len(found) == 2}
    with filled.database.read() as session:
        assert overlapped == set(session.scalars(select(Image.id).where(Image.shuffle < quarter)))


def test_more_overlap_is_wanted_of_images_that_were_answered_before(filled: ProjectFolder):
    ada, bob = Person(filled, "Ada"), Person(filled, "Bob")
    work([ada, bob])
    agree(filled, overlap_share=1.0)
    work([ada, bob])
    assert {len(set(found)) for found in people_of(filled).values()} == {2}


def test_an_opinion_that_is_taken_back_is_wanted_again(filled: ProjectFolder):
    agree(filled, overlap_share=1.0)
    ada, bob, cleo = (Person(filled, name) for name in ("Ada", "Bob", "Cleo"))
    work([ada])
    [task] = bob.next(1)
    bob.answer(task, ALL, key="k")
    bob.undo("k")
    lapse_leases(filled)
    work([cleo])
    assert {len(set(found)) for found in people_of(filled).values()} == {2}
    assert labels_of(filled, task.image_id) == ALL


def test_an_outstayed_opinion_counts_for_nobody_else(filled: ProjectFolder):
    agree(filled, overlap_share=1.0)
    ada, bob, cleo = (Person(filled, name) for name in ("Ada", "Bob", "Cleo"))
    work([ada])
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
    agree(filled, overlap_share=1.0)
    ada, bob = Person(filled, "Ada"), Person(filled, "Bob")
    with filled.database.write() as session:
        assert lease_page(filled, session, ada.id, Wish("glasses", 0), count=10, lease_seconds=9) == []
        assert lease_page(filled, session, ada.id, Wish("glasses"), count=10, lease_seconds=9) == []
    blind = []
    for person in (None, ada, bob):
        if person:
            work([person])
        with filled.database.read() as session:
            blind.append(sum(is_blind(session, image) for image in session.scalars(select(Image))))
    assert blind == [40, 40, 0]


@pytest.mark.parametrize(
    "wrong",
    [{"overlap_share": 1.5}, {"overlap_opinions": 1}, {"gold_share": 0.6}, {"aggregation": "dictator"}],
)
def test_settings_out_of_range_are_refused(project: ProjectFolder, wrong: dict):
    with pytest.raises(FacelabelError), project.database.write() as session:
        write_settings(session, TeamSettings(**wrong))
    with project.database.read() as session:
        assert team_settings(session) == TeamSettings()
