"""What the rest of the product does with samples and filled cells: queue, Browse, erasure, doctor, backups."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from annotator.domain.schema import Schema
from annotator.domain.states import CertificateState
from annotator.errors import Forbidden
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.certificates import prepare
from annotator.services.certificates.batches import check_filled, continue_certificates
from annotator.services.certificates.create import create_certificate
from annotator.services.common.progress import read_progress
from annotator.services.erasure.journal import begin_erasure
from annotator.services.erasure.scope import Request
from annotator.services.monitoring.rows import wrong_rows
from annotator.services.review.details import read_image
from annotator.services.review.filters import Filters
from annotator.services.review.listing import card_labels, find_images
from annotator.services.schema.active import read_schema
from annotator.services.schema_editing.changes import apply_schema
from annotator.services.tasks.task import Task
from tests.support.commands import call
from tests.support.projects.certificates import (
    TARGET,
    assert_open_cells_are_right,
    begin,
    cells_of,
    sample_of,
    state_of,
    status_of,
    truth_of,
    work,
)
from tests.support.projects.labelling import Person, lapse_leases
from tests.support.projects.reviewing import save_correction


def shape(task: Task) -> str:
    """What a task says besides its image."""
    return repr([(cell.attribute, cell.suggestion) for cell in task.cells]) + repr(task.labels)


def test_sampled_images_come_first_and_look_like_audit_images(ready: ProjectFolder):
    before = Person(ready).next(20)
    assert {task.image_id for task in before if any(cell.suggestion for cell in task.cells)}
    lapse_leases(ready)
    number = begin(ready)
    sample = set(sample_of(ready, number))
    me, other = Person(ready), Person(ready, "other")
    tasks = [*me.next(24), *other.next(24)]
    given = [task.image_id for task in tasks]
    assert len(set(given)) == len(given) == 48
    sampled = [task for task in tasks if task.image_id in sample]
    assert len(sampled) >= min(len(sample), 20)
    with ready.database.read() as session:
        audit = set(session.scalars(select(Image.id).where(Image.split == "test")))
    assert all(cell.suggestion is None for task in sampled for cell in task.cells)
    unsampled = [task for task in tasks if task.image_id in audit - sample]
    assert len({shape(task) for task in (*sampled, *unsampled)}) == 1


def test_a_sampled_image_that_somebody_holds_or_skipped_goes_to_others_only(ready: ProjectFolder):
    number = begin(ready)
    sample, me, other = set(sample_of(ready, number)), Person(ready), Person(ready, "other")
    skipped = next(task for task in me.next(40) if task.image_id in sample)
    me.answer(skipped, {}, skip=True)
    lapse_leases(ready)
    assert skipped.image_id not in {task.image_id for task in me.next(400)}
    lapse_leases(ready)
    assert skipped.image_id in {task.image_id for task in other.next(400)}


def test_images_held_while_the_sample_is_drawn_are_no_candidates(ready: ProjectFolder):
    held = {task.image_id for task in Person(ready).next(30)}
    number = begin(ready)
    assert not held & {*sample_of(ready, number), *cells_of(ready, number)}


def test_browse_shows_a_filled_cell_as_the_models(certified: ProjectFolder):
    filled = cells_of(certified, 1)
    image, glasses = filled[0], Filters("glasses", filled="only")
    with certified.database.read() as session:
        cell = next(c for c in read_image(certified, session, image).cells if c.attribute == "glasses")
        assert (cell.label, cell.filled.code, cell.filled.certificate) == (None, truth_of(image), 1)
        assert cell.filled.probability > 0.85
        page = find_images(certified, session, glasses, limit=1000)
        assert [card.id for card in page.images] == filled
        assert card_labels(session, page.images, None)[image].filled == {"glasses": truth_of(image)}
        dark = Filters("glasses", "2", filled="only")
        assert {i.id for i in find_images(certified, session, dark, limit=1000).images} == {
            number for number in filled if truth_of(number) == 2
        }
        others = find_images(certified, session, Filters(filled="without"), limit=1000).images
        assert len(others) == session.scalar(select(func.count()).select_from(Image)) - len(filled)
        labeller = 1
        own = read_image(certified, session, image, own_of=labeller)
        assert all(cell.filled is None for cell in own.cells)
        assert card_labels(session, page.images, labeller)[image].filled == {}
        with pytest.raises(Forbidden):
            find_images(certified, session, Filters(filled="only", own_of=labeller), limit=1)


def test_filled_cells_count_as_done_in_the_progress(certified: ProjectFolder):
    with certified.database.read() as session:
        schema = read_schema(session)
    only_glasses = [replace(a, required=a.name == "glasses") for a in schema.attributes]
    with certified.database.write() as session:
        apply_schema(session, Schema(tuple(only_glasses)), labeller_id=1, key="less is asked")
        progress = read_progress(session, 1)
    assert progress.done >= len(cells_of(certified, 1)) + len(sample_of(certified, 1))
    assert state_of(certified, 1) == CertificateState.FILLED
    assert_open_cells_are_right(certified)


def test_erased_images_leave_cells_and_sample_and_without_its_sample_it_lapses(certified: ProjectFolder):
    filled, sampled = cells_of(certified, 1)[0], sample_of(certified, 1)[0]
    begin_erasure(certified, "local", "filled", Request("images", (filled,)))
    check_filled(certified)
    assert state_of(certified, 1) == CertificateState.FILLED
    assert filled not in cells_of(certified, 1)
    begin_erasure(certified, "local", "sampled", Request("images", (sampled,)))
    assert sampled not in sample_of(certified, 1)
    check_filled(certified)
    status = status_of(certified, 1)
    assert (status.state, "erased" in status.reason) == (CertificateState.LAPSED, True)
    work(certified)
    assert_open_cells_are_right(certified)


@pytest.mark.database_file
def test_doctor_and_backups_know_certificates(certified: ProjectFolder, tmp_path: Path):
    assert list(wrong_rows(certified.database_file)) == []
    before = status_of(certified, 1), cells_of(certified, 1), sample_of(certified, 1)
    call("backup", tmp_path / "backups", "-p", certified.path).assert_done()
    call("restore", tmp_path / "backups", tmp_path / "restored").assert_done()
    restored = ProjectFolder.open(tmp_path / "restored")
    assert (status_of(restored, 1), cells_of(restored, 1), sample_of(restored, 1)) == before
    restored.database.close()


def test_preparing_goes_on_in_another_process(ready: ProjectFolder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(prepare, "BATCH_CELLS", 50)
    me = Person(ready)
    with ready.database.write() as session:
        number = create_certificate(ready, session, "glasses", TARGET, me.id, "certificate").id
    for _ in range(4):
        assert continue_certificates(ready)
    written = cells_of(ready, number)
    assert len(written) == 150
    save_correction(ready, me, written[0], {"glasses": 0}, "meanwhile")
    ready.database.cache.clear_all()  # what another process does not have
    work(ready)
    status = status_of(ready, number)
    assert (status.state, written[0] in cells_of(ready, number)) == (CertificateState.SAMPLING, False)
    assert status.cells == sum(map(sum, status.plan["draw"]["population"]))
