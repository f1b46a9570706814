"""A certificate from its creation to its end: sample, decision, filling, undo, and what makes it lapse."""

import numpy as np
import pytest
from sqlalchemy import select, update

from annotator.domain.certificates.decision import OUTSIDE, UNANSWERED
from annotator.domain.certificates.target import Target
from annotator.domain.schema import parse_schema
from annotator.domain.states import CertificateState
from annotator.errors import Conflict, FacelabelError
from annotator.models import Certificate, Image, Label
from annotator.project import ProjectFolder
from annotator.services.annotation.bulk import SweptCell, SweptPage, submit_page
from annotator.services.annotation.submit import Submitted, submit
from annotator.services.certificates import batches, prepare
from annotator.services.certificates.batches import check_filled, continue_certificates
from annotator.services.certificates.create import create_certificate
from annotator.services.certificates.decide import decide_certificate
from annotator.services.certificates.sample import read_sample
from annotator.services.certificates.undo import undo_certificate
from annotator.services.common.filled import filled_cells
from annotator.services.rounds.audit_set import read_audit_set
from annotator.services.rounds.loading import load_predictions
from annotator.services.schema.active import active_schema
from annotator.services.schema_editing.changes import apply_schema
from tests.support.predictions_folder import write_cells
from tests.support.projects.certificates import (
    TARGET,
    answer_of,
    answer_sample,
    assert_open_cells_are_right,
    begin,
    cells_of,
    sample_of,
    state_of,
    status_of,
    truth_of,
    work,
)
from tests.support.projects.excluding import exclude_images, restore_images
from tests.support.projects.labelling import Person, done_count, labels_of
from tests.support.projects.reviewing import save_correction
from tests.support.projects.schemas import MERGED_VALUE, RENAMED_ATTRIBUTE


def open_cells(project: ProjectFolder, image: int) -> int:
    with project.database.read() as session:
        return session.scalars(select(Image.open_cells).where(Image.id == image)).one()


def labels_in_sample(project: ProjectFolder, number: int) -> list[int]:
    with project.database.read() as session:
        row = session.get_one(Certificate, number)
        return read_sample(session, active_schema(session), row).cells.labels.tolist()


def load_two_attributes(project: ProjectFolder) -> None:
    """Load predictions of `glasses` and `wrinkles` that are right and equally sure."""
    with project.database.read() as session:
        images = session.execute(select(Image.id, Image.name)).all()
    cells = {}
    for number, name in images:
        glasses = [0.01, 0.01, 0.01]
        glasses[truth_of(number)] = 0.98
        cells[name] = {"glasses": glasses, "wrinkles": [0.99, 0.01]}
    load_predictions(project, write_cells(project, project.rounds / "2" / "predictions", cells))


def begin_another(project: ProjectFolder, attribute: str, key: str) -> int:
    me = Person(project)
    with project.database.write() as session:
        number = create_certificate(project, session, attribute, TARGET, me.id, key).id
    work(project)
    assert state_of(project, number) == CertificateState.SAMPLING
    return number


def test_samples_that_are_drawn_together_share_their_images(ready: ProjectFolder):
    load_two_attributes(ready)
    first, second = begin(ready), begin_another(ready, "wrinkles", "second")
    assert set(cells_of(ready, first)) == set(cells_of(ready, second))
    samples = sorted((set(sample_of(ready, number)) for number in (first, second)), key=len)
    assert samples[0] <= samples[1]


@pytest.mark.parametrize("seen", ["answered", "held"])
def test_a_sample_that_somebody_has_seen_shares_its_order_with_no_other(ready: ProjectFolder, seen: str):
    load_two_attributes(ready)
    first = begin(ready)
    sampled = sample_of(ready, first)
    task = next(
        task for task in Person(ready).next(50) if task.image_id in sampled
    )  # they are mixed in at random
    if seen == "answered":
        Person(ready).answer(task, answer_of(task.image_id))
    second = begin_another(ready, "wrinkles", "second")
    assert status_of(ready, first).seed != status_of(ready, second).seed
    assert not set(sample_of(ready, second)) >= set(sample_of(ready, first))


def test_a_certificate_fills_what_its_sample_allows(ready: ProjectFolder):
    number = begin(ready)
    status = status_of(ready, number)
    assert status.state == CertificateState.SAMPLING
    assert status.sample == len(sample_of(ready, number)) == status.plan["sample"]
    assert status.seed is not None
    population = np.asarray(status.plan["draw"]["population"])
    assert population.sum() == status.cells == len(cells_of(ready, number))
    with ready.database.read() as session:
        assert filled_cells(session, range(1, 421)) == []
    answer_sample(ready, number)
    status = status_of(ready, number)
    assert (status.state, status.answered) == (CertificateState.FILLED, status.sample)
    assert status.outcome["level"] == len(population)
    filled = cells_of(ready, number)
    assert not set(filled) & set(sample_of(ready, number))
    with ready.database.read() as session:
        cells = {cell.image_id: cell for cell in filled_cells(session, range(1, 421))}
        assert set(session.scalars(select(Label.image_id).where(Label.image_id.in_(filled)))) == set()
    assert list(cells) == filled
    assert all(cell.code == truth_of(image) and cell.certificate == number for image, cell in cells.items())
    assert {open_cells(ready, image) for image in filled} == {5}
    assert_open_cells_are_right(ready)


def test_how_far_its_preparation_and_its_filling_are_is_told(
    ready: ProjectFolder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(prepare, "BATCH_CELLS", 60)
    monkeypatch.setattr(batches, "BATCH_CELLS", 60)
    with ready.database.write() as session:
        number = create_certificate(ready, session, "glasses", TARGET, 1, "key").id
    told = []
    while state_of(ready, number) == CertificateState.PREPARING:
        assert continue_certificates(ready)
        told.append(status_of(ready, number).progress)
    assert told.pop() is None
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1] > 0.9
    answer_sample(ready, number, until_filled=False)
    told.clear()
    while continue_certificates(ready):
        told.append(status_of(ready, number).progress)
    assert told.pop() is None
    assert told[0] == 0
    assert told == sorted(told)
    assert told[-1] == 1


def test_nobody_is_asked_about_a_filled_cell_and_a_finished_image_is_done(certified: ProjectFolder):
    filled, me = set(cells_of(certified, 1)), Person(certified)
    tasks = me.next(60)
    for task in tasks:
        asked = {cell.attribute for cell in task.cells}
        assert ("glasses" in asked) == (task.image_id not in filled)
    done = done_count(certified)
    task = next(task for task in tasks if task.image_id in filled)
    me.answer(task, {name: value for name, value in answer_of(task.image_id).items() if name != "glasses"})
    assert done_count(certified) == done + 1
    me.undo()
    assert done_count(certified) == done
    assert_open_cells_are_right(certified)


def test_the_answer_of_a_person_replaces_the_filled_value(certified: ProjectFolder):
    first, second, third, fourth = cells_of(certified, 1)[:4]
    me = Person(certified)
    save_correction(certified, me, first, {"glasses": 2}, "corrected")
    page = SweptPage("swept", "glasses", (SweptCell(second, None, 2),))
    with certified.database.write() as session:
        submit_page(session, me.id, page)
    assert labels_of(certified, first)["glasses"] == labels_of(certified, second)["glasses"] == 2
    left = cells_of(certified, 1)
    assert not {first, second} & set(left)
    assert {third, fourth} <= set(left)
    assert open_cells(certified, first) == open_cells(certified, second) == 5
    assert_open_cells_are_right(certified)


def test_undone_the_cells_are_open_again_and_answers_stay(certified: ProjectFolder):
    filled = cells_of(certified, 1)
    save_correction(certified, Person(certified), filled[0], {"glasses": 2}, "corrected")
    with certified.database.write() as session:
        status = undo_certificate(session, 1, 1)
    assert (status.state, status.reason) == (CertificateState.UNDONE, "It was undone.")
    with certified.database.read() as session:
        assert filled_cells(session, filled) == []
    work(certified)
    assert cells_of(certified, 1) == []
    assert {open_cells(certified, image) for image in filled[1:]} == {6}
    assert labels_of(certified, filled[0]) == {"glasses": 2}
    with certified.database.write() as session:
        assert undo_certificate(session, 1, 1).state == CertificateState.UNDONE
    assert_open_cells_are_right(certified)


def test_too_many_errors_in_the_sample_fill_nothing_and_the_next_attempt_is_stricter(ready: ProjectFolder):
    number = begin(ready)
    answer_sample(ready, number, wrong=30)
    status = status_of(ready, number)
    assert status.state == CertificateState.FAILED
    assert status.reason.startswith("Nothing is filled")
    assert (cells_of(ready, number), status.outcome["level"]) == ([], None)
    with pytest.raises(Conflict, match="has failed"), ready.database.write() as session:
        undo_certificate(session, number, 1)
    again = begin(ready, Target(error=0.3, recall=None), key="again")
    assert status_of(ready, again).attempt == 2
    assert_open_cells_are_right(ready)


def test_decided_on_demand_unanswered_cells_count_as_errors_and_stay_open(ready: ProjectFolder):
    number = begin(ready)
    me, sample = Person(ready), set(sample_of(ready, number))
    waiting = 3
    while len(sample) > waiting:
        for task in me.next(10):
            if len(sample - {task.image_id}) >= waiting:
                me.answer(task, answer_of(task.image_id))
                sample -= {task.image_id}
    with ready.database.write() as session:
        status = decide_certificate(session, number)
    assert (status.state, status.outcome["unanswered"]) == (CertificateState.FILLING, waiting)
    work(ready)
    assert not sample & set(cells_of(ready, number))
    assert {open_cells(ready, image) for image in sample} == {6}
    assert_open_cells_are_right(ready)


def test_answers_in_sight_of_the_model_speak_only_against_it(ready: ProjectFolder):
    number = begin(ready)
    seen, corrected, agreeing = sample_of(ready, number)[:3]
    me = Person(ready)
    save_correction(ready, me, seen, {"glasses": truth_of(seen)}, "seen")
    answer_sample(ready, number)
    work(ready)
    assert labels_in_sample(ready, number)[0] == UNANSWERED
    save_correction(ready, me, corrected, {"glasses": (truth_of(corrected) + 1) % 3}, "other")
    save_correction(ready, me, agreeing, {"glasses": truth_of(agreeing)}, "same")
    labels = labels_in_sample(ready, number)
    assert labels[1] == (truth_of(corrected) + 1) % 3
    assert labels[2] == truth_of(agreeing)


def test_it_lapses_when_its_sample_no_longer_allows_what_it_fills(certified: ProjectFolder):
    check_filled(certified)
    assert state_of(certified, 1) == CertificateState.FILLED
    me = Person(certified)
    for image in sample_of(certified, 1)[:10]:
        save_correction(certified, me, image, {"glasses": (truth_of(image) + 1) % 3}, f"c{image}")
    check_filled(certified)
    status = status_of(certified, 1)
    assert status.state == CertificateState.LAPSED
    assert "have changed" in status.reason
    work(certified)
    assert cells_of(certified, 1) == []
    assert_open_cells_are_right(certified)


def test_it_lapses_with_another_meaning_of_its_attribute_and_not_with_another_name(certified: ProjectFolder):
    with certified.database.write() as session:
        apply_schema(session, parse_schema(RENAMED_ATTRIBUTE), labeller_id=1, key="renamed")
    assert (state_of(certified, 1), status_of(certified, 1).attribute) == (CertificateState.FILLED, "eyewear")
    with certified.database.write() as session:
        apply_schema(
            session,
            parse_schema(MERGED_VALUE.replace('"glasses"\ntitle', '"eyewear"\ntitle', 1)),
            labeller_id=1,
            key="merged",
        )
    assert state_of(certified, 1) == CertificateState.LAPSED
    work(certified)
    assert cells_of(certified, 1) == []
    assert_open_cells_are_right(certified)


def test_an_image_that_leaves_the_dataset_is_neither_right_nor_wrong(ready: ProjectFolder):
    number = begin(ready)
    excluded, ended = sample_of(ready, number)[:2]
    exclude_images(ready, excluded)
    me = Person(ready)
    save_correction(ready, me, ended, {"not_human": 1}, "no face")
    answer_sample(ready, number)
    status = status_of(ready, number)
    assert (status.state, status.outcome["errors"]) == (CertificateState.FILLED, 0)
    assert labels_in_sample(ready, number)[:2] == [OUTSIDE, OUTSIDE]
    assert_open_cells_are_right(ready)


def test_a_new_certificate_takes_over_the_cells_of_the_one_before(certified: ProjectFolder):
    before = set(cells_of(certified, 1))
    number = begin(certified, Target(error=0.3, recall=None), key="second")
    sample = set(sample_of(certified, number))
    assert sample & before
    assert {open_cells(certified, image) for image in sample & before} == {6}  # they are asked again
    assert state_of(certified, 1) == CertificateState.FILLED
    answer_sample(certified, number)
    work(certified)
    assert (state_of(certified, 1), state_of(certified, number)) == (
        CertificateState.UNDONE,
        CertificateState.FILLED,
    )
    assert cells_of(certified, 1) == []
    filled = cells_of(certified, number)
    assert {open_cells(certified, image) for image in filled} <= {5, 0}
    assert_open_cells_are_right(certified)


def test_what_cannot_be_certified_is_refused_or_fails_with_a_reason(ready: ProjectFolder):
    with ready.database.read() as session:
        audit = list(session.scalars(select(Label.image_id).distinct()))
    exclude_images(ready, *audit)
    with ready.database.write() as session:
        for attribute, code in (("hats", "unknown_attribute"), ("freckles", "no_predictions")):
            with pytest.raises(FacelabelError) as refused:
                create_certificate(ready, session, attribute, TARGET, 1, attribute)
            assert refused.value.code == code
        first = create_certificate(ready, session, "glasses", TARGET, 1, "first")
        assert create_certificate(ready, session, "glasses", TARGET, 1, "first") == first
        with pytest.raises(Conflict, match="used for another request"):
            create_certificate(ready, session, "glasses", Target(error=0.5), 1, "first")
        with pytest.raises(Conflict, match="unfinished"):
            create_certificate(ready, session, "glasses", TARGET, 1, "another")
        with pytest.raises(Conflict, match="no sample"):
            decide_certificate(session, first.id)
    work(ready)
    status = status_of(ready, first.id)
    assert (status.state, status.plan, status.drawn_at) == (CertificateState.FAILED, {}, None)
    assert status.reason
    restore_images(ready, *audit)
    assert status_of(ready, begin(ready)).attempt == 1  # nothing of the level was spent


def test_audit_answers_that_a_certificate_chose_are_not_measured(ready: ProjectFolder):
    def measured() -> set[str]:
        with ready.database.read() as session:
            audit = read_audit_set(session, active_schema(session))
        return {
            image
            for (image, _), label in zip(audit.images, audit.labels["glasses"], strict=True)
            if label >= 0
        }

    before = measured()
    number = begin(ready)
    sampled = sample_of(ready, number)[:3]
    with ready.database.write() as session:  # more of the sample is in the test split than chance put there
        session.execute(update(Image).where(Image.id.in_(sampled)).values(split="test"))
        names = set(session.scalars(select(Image.name).where(Image.id.in_(sampled))))
    answer_sample(ready, number)
    assert before <= measured()
    assert not names & measured()
    later = cells_of(ready, number)[:2]
    with ready.database.write() as session:
        session.execute(update(Image).where(Image.id.in_(later)).values(split="test"))
    counted, me = measured(), Person(ready)
    with ready.database.write() as session:
        submit(session, me.id, Submitted("while it is filled", later[0], None, answer_of(later[0])))
    assert measured() == counted
    with ready.database.write() as session:
        undo_certificate(session, number, me.id)
    with ready.database.write() as session:
        submit(session, me.id, Submitted("after it", later[1], None, answer_of(later[1])))
    assert len(measured()) == len(counted) + 1
