"""Excluding images: a submission like an answer, that is undone and restored, and that loses nobody's answer."""

import time

import pytest
from sqlalchemy import event, func, select

from annotator.domain.exclusions import ExclusionReason
from annotator.errors import Conflict, FacelabelError, NotFound
from annotator.models import Exclusion, Image, Lease
from annotator.project import ProjectFolder
from annotator.services.annotation.bulk import SweptCell, SweptPage, submit_page
from annotator.services.annotation.exclude import MOST_IMAGES, ToExclude, exclude, exclusion_of, find_by_name
from annotator.services.common.progress import read_progress
from annotator.services.tasks.leases import renew_leases
from tests.support.projects.database_checks import assert_counts_are_right
from tests.support.projects.excluding import exclude_images, restore_images, undo_last_exclusion
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person, answer_images, labels_of, row_count


def counts(project: ProjectFolder) -> tuple[int, int]:
    with project.database.read() as session:
        progress = read_progress(session, 0)
    return progress.images, progress.done


def excluded_ids(project: ProjectFolder) -> set[int]:
    with project.database.read() as session:
        return set(session.scalars(select(Image.id).where(Image.exclusion_id.is_not(None))))


def test_an_excluded_image_leaves_the_counts_and_an_undo_brings_it_back(filled: ProjectFolder):
    _, [done, *_] = answer_images(filled)
    assert counts(filled) == (40, 3)
    exclude_images(filled, done, key="wrong", note="twice")
    assert counts(filled) == (39, 2)
    assert labels_of(filled, done)  # nothing is lost
    with filled.database.read() as session:
        detail = exclusion_of(session, done)
    assert detail is not None
    assert (detail.reason, detail.note, detail.labeller) == (ExclusionReason.DUPLICATE, "twice", "local")
    assert undo_last_exclusion(filled) == [done]
    assert counts(filled) == (40, 3)
    assert excluded_ids(filled) == set()
    assert_counts_are_right(filled)


def test_the_same_key_excludes_once_and_another_request_with_it_is_refused(filled: ProjectFolder):
    first = exclude_images(filled, 1, key="k")
    undo_last_exclusion(filled, "k")
    assert exclude_images(filled, 1, key="k") == first
    assert excluded_ids(filled) == set()
    with pytest.raises(Conflict):
        exclude_images(filled, 2, key="k")
    with pytest.raises(Conflict, match="undone already"):
        undo_last_exclusion(filled, "k")


def test_several_images_are_excluded_all_or_none(filled: ProjectFolder):
    with pytest.raises(NotFound, match="no image 4000"):
        exclude_images(filled, 1, 2, 4000)
    with pytest.raises(FacelabelError, match="no image twice"):
        exclude_images(filled, 1, 1)
    with pytest.raises(FacelabelError, match="0 to 500"):
        exclude_images(filled, 1, note="n" * 501)
    assert row_count(filled, Exclusion) == 0
    assert exclude_images(filled, 1, 2).image_ids == [1, 2]
    assert exclude_images(filled, 2, 3).image_ids == [3]  # 2 was excluded already and stays as it was
    undo_last_exclusion(filled)
    assert excluded_ids(filled) == {1, 2}


def test_a_reviewer_restores_what_others_excluded_and_that_is_undone_too(filled: ProjectFolder):
    eva = Person(filled, "eva")
    exclude_images(filled, 5, 6, person=eva)
    assert restore_images(filled, 5, 7).image_ids == [5]
    assert excluded_ids(filled) == {6}
    undo_last_exclusion(filled)
    assert excluded_ids(filled) == {5, 6}
    with filled.database.read() as session:
        detail = exclusion_of(session, 5)
    assert detail is not None
    assert detail.labeller == "eva"
    undo_last_exclusion(filled, person=eva)
    assert excluded_ids(filled) == set()


def test_an_undo_leaves_what_somebody_decided_later(filled: ProjectFolder):
    eva = Person(filled, "eva")
    exclude_images(filled, 1, person=eva, key="first")
    restore_images(filled, 1)
    exclude_images(filled, 1)
    undo_last_exclusion(filled, "first", person=eva)
    assert excluded_ids(filled) == {1}


def test_a_colleague_who_has_the_image_open_is_told_and_loses_no_answer(filled: ProjectFolder):
    adam, eva = Person(filled, "adam"), Person(filled, "eva")
    task, other = adam.next(2)
    exclude_images(filled, task.image_id, person=eva, note="see 7")
    assert row_count(filled, Lease) == 1
    with filled.database.write() as session:
        renewed, lost = renew_leases(session, adam.id, [task.lease, other.lease], 60)
    assert (renewed, lost) == ([other.lease], [task.lease])
    outcome = adam.answer(task, ALL, key="open")
    assert outcome.excluded is not None
    assert (outcome.excluded.labeller, outcome.excluded.note, outcome.late) == ("eva", "see 7", False)
    assert adam.answer(task, ALL, key="open") == outcome
    assert adam.answer(other, ALL).excluded is None
    assert counts(filled) == (39, 1)
    undo_last_exclusion(filled, person=eva)
    assert labels_of(filled, task.image_id) == ALL  # the answer counts now
    assert counts(filled) == (40, 2)


def test_a_page_of_a_sweep_tells_which_of_its_images_were_excluded(filled: ProjectFolder):
    me = Person(filled)
    exclude_images(filled, 1)
    page = SweptPage("page", "glasses", (SweptCell(1, None, 0), SweptCell(2, None, 0)))
    with filled.database.write() as session:
        outcome = submit_page(session, me.id, page)
    assert (outcome.answered, outcome.opinions, outcome.excluded) == (2, [], [1])


def test_the_label_page_undoes_an_exclusion_of_one_image_like_an_answer(filled: ProjectFolder):
    me, [first, *_] = answer_images(filled, 2)
    exclude_images(filled, 7, 8)  # from another page: several images are undone there
    exclude_images(filled, first)
    assert me.undo() == {}
    assert excluded_ids(filled) == {7, 8}
    assert me.undo()["glasses"] == ALL["glasses"]


def test_images_are_found_by_the_names_that_pages_show(filled: ProjectFolder):
    names = names_of(filled)[3:1:-1]
    with filled.database.read() as session:
        assert find_by_name(session, names) == [image_of(filled, name) for name in names]
        with pytest.raises(NotFound, match=r"nobody\.jpg"):
            find_by_name(session, [names[0], "nobody.jpg"])


def test_ten_thousand_images_are_one_submission_and_one_undo(filled: ProjectFolder):
    template = "INSERT INTO images (id, name, sha256, extension, width, height, source, original_path, group_key, split, shuffle, open_cells, created_at) "
    rows = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
        "SELECT 100 + i, 'n' || i, 'h' || i, 'jpg', 9, 9, 's', 'n' || i, 'g' || (i / 2), 'train', i, 6, '2026-01-01' FROM n"
    )
    with filled.database.write() as session:
        session.connection().exec_driver_sql(template + rows)
        session.connection().exec_driver_sql("UPDATE project SET image_count = image_count + 10000")
        images = tuple(
            session.scalars(
                select(Image.id).where(
                    Image.name.startswith("n", autoescape=True), Image.extension == "jpg", Image.source == "s"
                )
            )
        )
    assert len(images) == MOST_IMAGES
    me = Person(filled)
    begun = time.monotonic()
    with filled.database.write() as session:
        exclude(session, me.id, ToExclude("all", images, ExclusionReason.OTHER))
    print(f"10,000 images: {time.monotonic() - begun:.2f} s")
    assert counts(filled) == (40, 0)
    assert undo_last_exclusion(filled) == list(images)
    assert counts(filled) == (10_040, 0)
    with filled.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Image)) == 10_040


@pytest.mark.database_file
def test_the_queue_still_walks_its_index(filled: ProjectFolder):
    queries: list[tuple[str, object]] = []

    def keep(_connection: object, _cursor: object, query: str, values: object, *_: object) -> None:
        if "ORDER BY images.shuffle" in query:
            queries.append((query, values))

    event.listen(filled.database.engine, "before_cursor_execute", keep)
    exclude_images(filled, 1)
    assert len(Person(filled).next(40)) == 39
    [(query, values)] = queries
    with filled.database.engine.connect() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values)]
    assert plan[0] == "SCAN images USING INDEX ix_images_open"
    assert not any("TEMP B-TREE" in step for step in plan)
