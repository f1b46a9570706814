"""The search for one value: the most probable images and drawn ones, what is ruled out, and what it says of the recall."""

import secrets
from collections.abc import Iterable

import numpy as np
import pytest
from sqlalchemy import select

from annotator.app import create_app
from annotator.config import Settings
from annotator.domain.schema_changes import Change
from annotator.models import Label, Lease, SearchedImage, Submission
from annotator.project import ProjectFolder
from annotator.services.annotation.bulk import SweptCell, SweptPage, undo_page
from annotator.services.rare_values.search import (
    SearchPage,
    find_search_page,
    lease_search_page,
    submit_search_page,
)
from annotator.services.rounds.loading import load_predictions
from annotator.services.schema_editing.value_changes import replace_value
from annotator.services.tasks.task import Task
from tests.support.embeddings import embed
from tests.support.predictions_folder import write_predictions
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import Person, lapse_leases
from tests.support.projects.reviewing import save_correction
from tests.support.serving import Server


class Finder(Person):
    """A labeller who searches for sunglasses."""

    def look(self, count: int = 8, without: Iterable[int] = ()) -> tuple[SearchPage, list[Task]]:
        with self.project.database.read() as session:
            page = find_search_page(self.project, session, self.id, "glasses", 2, count, without)
        with self.project.database.write() as session:
            return page, lease_search_page(self.project, session, self.id, page, 600)

    def send(self, tasks: list[Task], members: Iterable[str], key: str | None = None) -> str:
        """Confirm a page: these images are members, the others are ruled out."""
        names = set(members)
        cells = tuple(SweptCell(t.image_id, t.lease, 2) for t in tasks if t.image_name in names)
        others = [t for t in tasks if t.image_name not in names]
        page = SweptPage(
            key or secrets.token_hex(8),
            "glasses",
            cells,
            tuple(t.lease for t in others),
            2,
            tuple(t.image_id for t in others),
        )
        with self.project.database.write() as session:
            submit_search_page(session, self.id, page)
        return page.key


@pytest.fixture
def predicted(filled: ProjectFolder) -> ProjectFolder:
    """Of 40 images the later ones are more probable to wear sunglasses."""
    answers = {name: [0.98 - n / 45, 0.01, 0.01 + n / 45] for n, name in enumerate(names_of(filled))}
    load_predictions(filled, write_predictions(filled, filled.rounds / "1" / "predictions", answers))
    return filled


def rows(project: ProjectFolder) -> dict[int, SearchedImage]:
    with project.database.read() as session:
        return {row.image_id: row for row in session.scalars(select(SearchedImage))}


def test_a_page_is_the_most_probable_images_and_some_that_are_drawn(predicted: ProjectFolder):
    blind = set(names_of(predicted, split="test"))
    order = [name for name in reversed(names_of(predicted)) if name not in blind]
    page, tasks = Finder(predicted).look(8)
    kept = rows(predicted)
    assert [t.image_id for t in tasks] == [one.image_id for one in page.images]
    assert [t.image_name for t in tasks if kept[t.image_id].drawn == 0] == order[:6]
    drawn = [t.image_name for t in tasks if kept[t.image_id].drawn > 0]
    assert len(drawn) == 2
    assert not set(drawn) & (blind | set(order[:6]))
    assert all(0 < kept[image_of(predicted, name)].drawn <= 1 for name in drawn)
    with predicted.database.read() as session:
        leased = dict(session.execute(select(Lease.image_id, Lease.drawn)).all())
    assert leased == {number: row.drawn for number, row in kept.items()}
    assert page.source == "predictions"
    assert (page.recall.found, page.answered) == (0, 0)


def test_what_is_ruled_out_gets_no_label_and_does_not_come_again(predicted: ProjectFolder):
    me = Finder(predicted)
    _, tasks = me.look(8)
    key = me.send(tasks, [t.image_name for t in tasks[:3]])
    assert {row.member for row in rows(predicted).values()} == {True, False}
    with predicted.database.read() as session:
        assert set(session.scalars(select(Label.image_id))) == {t.image_id for t in tasks[:3]}
    page, more = me.look(40)
    assert not {t.image_id for t in more} & {t.image_id for t in tasks}
    assert (page.recall.found, page.answered) == (3, 8)
    assert me.send(tasks, [t.image_name for t in tasks[:3]], key) == key  # repeated: nothing changes
    lapse_leases(predicted)
    with predicted.database.write() as session:
        undone = undo_page(
            predicted, session, me.id, "u", key, left_out=[t.image_id for t in tasks[3:]], lease_seconds=600
        )[1]
    assert {t.image_id for t in undone} == {t.image_id for t in tasks}
    assert (me.look(0)[0].recall.found, me.look(0)[0].answered) == (0, 0)


def test_all_are_found_in_the_end_and_the_recall_says_so(predicted: ProjectFolder):
    me = Finder(predicted)
    shown = 0
    while (looked := me.look(12))[1]:
        me.send(looked[1], names_of(predicted)[-9:])
        shown += len(looked[1])
    recall = looked[0].recall
    members = set(names_of(predicted)[-9:]) - set(names_of(predicted, split="test"))
    assert shown == 40 - len(names_of(predicted, split="test"))
    assert (recall.found, recall.low, recall.is_enough) == (len(members), 1, True)


def test_a_correction_changes_what_the_search_found(predicted: ProjectFolder):
    me = Finder(predicted)
    _, tasks = me.look(8)
    me.send(tasks, [tasks[0].image_name])
    save_correction(predicted, me, tasks[0].image_id, {"glasses": 0}, "c")
    page, _ = me.look(0)
    assert (page.recall.found, page.answered) == (0, 8)


def test_an_image_that_was_drawn_and_not_answered_comes_again_as_it_was_drawn(predicted: ProjectFolder):
    me = Finder(predicted)
    me.look(8)
    before = {number: row.drawn for number, row in rows(predicted).items() if row.drawn > 0}
    lapse_leases(predicted)
    page, _ = me.look(8)
    assert {one.image_id: one.drawn for one in page.images if one.drawn > 0} == before


def test_a_merged_value_is_searched_anew(predicted: ProjectFolder):
    me = Finder(predicted)
    _, tasks = me.look(8)
    me.send(tasks, [tasks[0].image_name])
    with predicted.database.write() as session:
        number = session.scalars(select(Submission.id)).one()
        replace_value(session, number, Change("glasses merged", "glasses", "merge", 1, (2,)))
    page, again = me.look(8)
    assert (page.recall.found, page.answered) == (1, 0)
    assert {t.image_id for t in tasks[1:]} & {t.image_id for t in again}


def test_two_people_who_search_get_different_images(predicted: ProjectFolder):
    ada, bob = Finder(predicted, "Ada").look(10)[1], Finder(predicted, "Bob").look(10)[1]
    assert len(ada) == len(bob) == 10
    assert not {t.image_id for t in ada} & {t.image_id for t in bob}


def test_without_predictions_the_images_most_like_the_examples_come_first(filled: ProjectFolder):
    names = names_of(filled)
    generator = np.random.default_rng(0)
    embed(filled, {name: generator.normal(n, 0.01, 80).astype(np.float32) for n, name in enumerate(names)})
    me = Finder(filled)
    page = me.look(8)[0]
    assert page.source == "chance"  # nobody has shown an example
    assert all(one.drawn > 0 for one in page.images)
    lapse_leases(filled)
    save_correction(filled, me, image_of(filled, names[20]), {"glasses": 2}, "e")
    page = me.look(8)[0]
    near = {one.image_id for one in page.images if one.drawn == 0}
    waiting = {number for number, row in rows(filled).items() if row.drawn > 0}
    able = {
        image_of(filled, n): abs(p - 20)
        for p, n in enumerate(names)
        if n not in names_of(filled, split="test")
    }
    able.pop(image_of(filled, names[20]), None)
    nearest = sorted((distance for image, distance in able.items() if image not in waiting))[:6]
    assert page.source == "likeness"
    assert sorted(able[image] for image in near) == nearest


def test_the_api_of_a_search(server: Server):
    client = server.client()
    wish = {"attribute": "glasses", "value": 2, "order": "find", "count": 6}
    page = client.post("/sweep/next", wish).json()
    assert page["search"]["source"] == "chance"
    assert page["search"]["other"] is None
    first, *others = page["images"]
    body = {
        "attribute": "glasses",
        "searched": 2,
        "answers": [{"image_id": first["image_id"], "lease": first["lease"], "code": 2}],
        "left_out": [image["lease"] for image in others],
        "ruled_out": [image["image_id"] for image in others],
    }
    kept = client.post("/sweep", body, "k").json()
    assert kept["answered"] == 1
    assert client.post("/sweep", body, "k").json() == kept
    said = client.post("/sweep/next", wish | {"count": 0}).json()["search"]
    assert (said["found"], said["answered"]) == (1, 6)
    assert 0 < said["low"] <= said["recall"] <= said["high"] <= 1
    assert client.post("/sweep/next", wish | {"order": "probable"}).json()["search"] is None


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"attribute": "identity", "value": 1}, "not_sweepable"),
        ({"attribute": "glasses", "value": 9}, "unknown_value"),
        ({"attribute": "glasses", "value": 1, "inside": "1:0,0,1,0,1,1"}, "bad_request"),
    ],
)
def test_a_search_that_cannot_be_is_refused(filled: ProjectFolder, wish: dict, code: str):
    client = create_app(filled, Settings()).test_client()
    answer = client.post("/api/v1/sweep/next", json=wish | {"order": "find"})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, code)
