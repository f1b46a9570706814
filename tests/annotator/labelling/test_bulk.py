"""Sweeps: a page of images with the same prediction is answered at once and once, and never holds blind images."""

import secrets
from collections.abc import Iterable
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from annotator.app import create_app
from annotator.config import Settings
from annotator.domain.roles import Role
from annotator.errors import Conflict, FacelabelError, NotFound
from annotator.models import Annotation, AskedAgain, AttributeRow, Image, Label, Submission
from annotator.project import ProjectFolder
from annotator.services.annotation.bulk import (
    SweepOutcome,
    SweepSelection,
    SweptCell,
    SweptPage,
    count_predicted,
    lease_page,
    submit_page,
    undo_page,
)
from annotator.services.rounds.loading import load_predictions
from annotator.services.tasks.task import Task
from tests.support.predictions_folder import write_predictions
from tests.support.projects.images import names_of
from tests.support.projects.labelling import ALL, Person, done_count, labels_of, lapse_leases, row_count
from tests.support.projects.reviewing import save_correction
from tests.support.serving import Server

GLASSES = SweepSelection("glasses", 1)


class Sweeper(Person):
    """A labeller who sweeps."""

    def page(self, number: int = 8, wish: SweepSelection = GLASSES) -> list[Task]:
        with self.project.database.write() as session:
            return lease_page(self.project, session, self.id, wish, count=number, lease_seconds=600)

    def commit(
        self, tasks: Iterable[Task], code: int | None = 1, key: str | None = None, **more: object
    ) -> SweepOutcome:
        cells = tuple(SweptCell(task.image_id, task.lease, code, accepted=code == 1) for task in tasks)
        return self.send(SweptPage(key or secrets.token_hex(8), "glasses", cells, **more))

    def send(self, page: SweptPage) -> SweepOutcome:
        with self.project.database.write() as session:
            return submit_page(session, self.id, page)

    def undo_page(self, key: str | None = None, own_key: str | None = None, **more: object) -> list[Task]:
        with self.project.database.write() as session:
            own = own_key or secrets.token_hex(8)
            return undo_page(self.project, session, self.id, own, key, lease_seconds=600, **more)[1]


@pytest.fixture
def predicted(filled: ProjectFolder) -> ProjectFolder:
    """Of 40 images every second one is predicted to wear glasses, with rising probability."""
    names = names_of(filled)
    answers = {}
    for place, name in enumerate(names):
        sure = 0.5 + place / 100
        answers[name] = [1 - sure, sure, 0.0] if place % 2 else [sure, 1 - sure, 0.0]
    load_predictions(filled, write_predictions(filled, filled.rounds / "1", answers))
    return filled


def alike(project: ProjectFolder, place: int = 1) -> list[str]:
    """The names of the images that can be swept as predicted by `predicted`, most uncertain first."""
    blind = set(names_of(project, split="test"))
    return [name for name in names_of(project)[place::2] if name not in blind]


def names(tasks: Iterable[Task]) -> list[str]:
    return [task.image_name for task in tasks]


def test_a_page_holds_images_with_one_prediction_most_uncertain_first(predicted: ProjectFolder):
    tasks = Sweeper(predicted).page(8)
    assert names(tasks) == alike(predicted)[:8]
    suggestions = [next(c.suggestion for c in task.cells if c.attribute == "glasses") for task in tasks]
    assert {suggestion.code for suggestion in suggestions if suggestion} == {1}


def test_or_the_most_confident_first(predicted: ProjectFolder):
    tasks = Sweeper(predicted).page(8, replace(GLASSES, order="confident"))
    assert names(tasks) == alike(predicted)[::-1][:8]


def test_a_value_that_is_never_predicted_has_a_page_by_its_probability(filled: ProjectFolder):
    train = names_of(filled, split="train")
    # The code 2 is never the most probable one; it is most probable in the last images.
    rare = {name: [0.6, 0.4 - place / 100, place / 100] for place, name in enumerate(train)}
    load_predictions(filled, write_predictions(filled, filled.rounds / "1" / "predictions", rare))
    me = Sweeper(filled)
    wish = SweepSelection("glasses", 2, order="probable")
    assert me.page(wish=replace(wish, order="doubtful")) == []
    tasks = me.page(5, wish)
    assert [task.image_name for task in tasks] == train[:-6:-1]
    me.commit(tasks, code=2)
    assert [task.image_name for task in me.page(5, wish)] == train[-6:-11:-1]
    with filled.database.read() as session:
        assert count_predicted(filled, session, wish)[0] == len(train)


def test_a_blind_image_is_never_in_a_sweep(predicted: ProjectFolder):
    blind = set(names_of(predicted, split="test"))
    assert blind
    everything = []
    for wish in (GLASSES, SweepSelection("glasses", 0), SweepSelection("wrinkles")):
        everything += names(Sweeper(predicted).page(60, wish))
        lapse_leases(predicted)
    assert not blind & set(everything)
    assert set(everything) == set(names_of(predicted)) - blind


def test_without_predictions_the_page_follows_the_queue(filled: ProjectFolder):
    blind = set(names_of(filled, split="test"))
    order = [name for name in names(Person(filled).next(40)) if name not in blind]
    lapse_leases(filled)
    me = Sweeper(filled)
    first = me.page(10, SweepSelection("glasses"))
    me.commit(first, code=0)
    assert names(first) + names(me.page(40, SweepSelection("glasses"))) == order
    assert names(me.page(10, GLASSES)) == []


def test_a_page_is_kept_with_the_origin_of_every_answer(predicted: ProjectFolder):
    me = Sweeper(predicted)
    one, other, unsure, left_out = me.page(4)
    cells = (
        SweptCell(one.image_id, one.lease, 1, accepted=True),
        SweptCell(other.image_id, other.lease, 2),
        SweptCell(unsure.image_id, unsure.lease, None),
    )
    outcome = me.send(SweptPage("k", "glasses", cells, left_out=(left_out.lease,), milliseconds=900))
    assert outcome == SweepOutcome("k", 3, [], [])
    assert [labels_of(predicted, t.image_id) for t in (one, other, unsure, left_out)] == [
        {"glasses": 1},
        {"glasses": 2},
        {"glasses": None},
        {},
    ]
    with predicted.database.read() as session:
        assert list(session.scalars(select(Annotation.origin))) == ["suggestion", "human", "human"]
    assert left_out.image_name in names(me.page(40))


def test_the_same_key_again_gives_the_same_outcome_and_adds_nothing(predicted: ProjectFolder):
    me = Sweeper(predicted)
    tasks = me.page()
    assert me.commit(tasks, key="k") == me.commit(tasks, key="k")
    assert (row_count(predicted, Annotation), row_count(predicted, Submission)) == (8, 1)
    with pytest.raises(Conflict, match="another request"):
        me.commit(tasks[1:], key="k")


def test_a_page_is_kept_whole_or_not_at_all(predicted: ProjectFolder):
    me = Sweeper(predicted)
    tasks = me.page()
    cells = [SweptCell(t.image_id, t.lease, 1) for t in tasks]
    for wrong in (SweptCell(10**6, None, 1), SweptCell(tasks[0].image_id, None, 1)):
        with pytest.raises((NotFound, FacelabelError)):
            me.send(SweptPage("k", "glasses", (*cells, wrong)))
    with pytest.raises(FacelabelError, match="no value 7"):
        me.send(SweptPage("k", "glasses", (*cells[1:], SweptCell(tasks[0].image_id, None, 7))))
    assert (row_count(predicted, Annotation), row_count(predicted, Submission)) == (0, 0)


def test_what_is_answered_does_not_come_again_and_all_of_a_group_comes(predicted: ProjectFolder):
    me = Sweeper(predicted)
    seen = []
    while tasks := me.page(5):
        me.commit(tasks)
        seen += names(tasks)
    assert seen == alike(predicted)
    with predicted.database.read() as session:
        sizes = count_predicted(predicted, session, GLASSES)
    assert (sizes[1], sizes[2]) == (0, 0)


def test_two_labellers_never_get_the_same_image(predicted: ProjectFolder):
    mine, theirs = Sweeper(predicted).page(8), Sweeper(predicted, "other").page(8)
    assert names(mine) + names(theirs) == alike(predicted)[:16]
    assert not set(names(mine)) & set(names(Person(predicted, "third").next(40)))


def test_images_left_out_before_are_not_shown_again(predicted: ProjectFolder):
    me = Sweeper(predicted)
    tasks = me.page(4)
    me.commit(tasks[1:], left_out=(tasks[0].lease,))
    again = me.page(4, replace(GLASSES, without=frozenset({tasks[0].image_id})))
    assert names(again) == alike(predicted)[4:8]
    assert names(Sweeper(predicted, "other").page(1)) == names(tasks[:1])


def test_an_answer_to_what_is_somebody_elses_by_now_is_an_opinion(predicted: ProjectFolder):
    me, other = Sweeper(predicted), Sweeper(predicted, "other")
    tasks = me.page(3)
    lapse_leases(predicted)
    taken = other.page(2)
    other.commit(taken[:1], code=2)
    outcome = me.commit(tasks)
    assert outcome.opinions == sorted(task.image_id for task in tasks[:2])
    assert labels_of(predicted, tasks[0].image_id) == {"glasses": 2}
    assert [labels_of(predicted, t.image_id) for t in tasks[1:]] == [{}, {"glasses": 1}]
    assert other.commit(taken[1:], code=0).opinions == []


def test_a_lease_that_merely_ran_out_is_not_held_against_its_holder(predicted: ProjectFolder):
    me = Sweeper(predicted)
    tasks = me.page()
    lapse_leases(predicted)
    assert me.commit(tasks).opinions == []


def test_a_late_answer_to_an_image_swept_meanwhile_is_an_opinion(predicted: ProjectFolder):
    late = Person(predicted)
    tasks = late.next(40)
    lapse_leases(predicted)
    other = Sweeper(predicted, "other")
    [swept] = other.page(1)
    other.commit([swept])
    [task] = [task for task in tasks if task.image_id == swept.image_id]
    assert late.answer(task, {"glasses": 0}).late
    assert labels_of(predicted, swept.image_id) == {"glasses": 1}


def test_an_image_that_became_blind_meanwhile_keeps_the_answer_as_an_opinion(predicted: ProjectFolder):
    me = Sweeper(predicted)
    tasks = me.page(2)
    with predicted.database.write() as session:
        session.execute(update(Image).where(Image.id == tasks[0].image_id).values(split="test"))
    assert me.commit(tasks).opinions == [tasks[0].image_id]
    assert labels_of(predicted, tasks[0].image_id) == {}


def test_the_last_answer_of_an_image_closes_it_and_undo_opens_it(predicted: ProjectFolder):
    me = Sweeper(predicted)
    tasks = me.page(3)
    for task in tasks[:2]:
        me.answer(task, {k: v for k, v in ALL.items() if k != "glasses"})
    lapse_leases(predicted)
    me.commit(tasks)
    assert done_count(predicted) == 2
    me.undo_page()
    assert done_count(predicted) == 0
    assert row_count(predicted, Label) == 2 * (len(ALL) - 1)


def test_undo_reverts_the_whole_page_and_leases_it_again(predicted: ProjectFolder):
    me = Sweeper(predicted)
    tasks = me.page(4)
    me.commit(tasks[1:], key="k", left_out=(tasks[0].lease,))
    again = me.undo_page("k", own_key="u", left_out=[tasks[0].image_id])
    assert {t.image_id for t in again} == {t.image_id for t in tasks}
    assert row_count(predicted, Label) == 0
    assert {t.image_id for t in me.undo_page("k", own_key="u", left_out=[])} == {
        t.image_id for t in tasks[1:]
    }
    with pytest.raises(Conflict, match="already"):
        me.undo_page("k")
    with pytest.raises(NotFound):
        me.undo_page()
    assert me.commit(again).opinions == []
    assert row_count(predicted, Annotation) == 3 + 3 + 4


def test_undo_restores_the_label_that_was_there_before(predicted: ProjectFolder):
    me = Sweeper(predicted)
    tasks = me.page(2)
    me.answer(tasks[0], {"glasses": 2})
    me.commit(tasks)
    me.undo_page()
    assert [labels_of(predicted, t.image_id) for t in tasks] == [{"glasses": 2}, {}]


def test_the_label_pages_undo_does_not_undo_a_sweep(predicted: ProjectFolder):
    me = Sweeper(predicted)
    me.commit(me.page())
    with pytest.raises(NotFound):
        me.undo()


def test_a_page_of_an_attribute_answered_by_names_is_refused(filled: ProjectFolder):
    with pytest.raises(FacelabelError, match="name"):
        Sweeper(filled).page(1, SweepSelection("identity"))
    with pytest.raises(FacelabelError, match="no attribute"):
        Sweeper(filled).page(1, SweepSelection("beard"))
    with pytest.raises(FacelabelError, match="no value"):
        Sweeper(filled).page(1, SweepSelection("glasses", 9))


def test_a_sweep_leaves_a_label_that_somebody_corrected_meanwhile(predicted: ProjectFolder):
    me = Sweeper(predicted)
    tasks = me.page(2)
    save_correction(
        predicted, Person(predicted, "other", Role.REVIEWER), tasks[0].image_id, {"glasses": 2}, "c"
    )
    assert me.commit(tasks).opinions == [tasks[0].image_id]
    assert labels_of(predicted, tasks[0].image_id) == {"glasses": 2}


def test_a_sweep_leaves_the_labels_of_an_image_that_was_asked_again(predicted: ProjectFolder):
    me = Sweeper(predicted)
    tasks = me.page(2)
    save_correction(predicted, me, tasks[0].image_id, {"glasses": 2}, "c")
    with predicted.database.write() as session:
        glasses = session.scalars(select(AttributeRow.id).where(AttributeRow.name == "glasses")).one()
        session.add(AskedAgain(image_id=tasks[0].image_id, attribute_id=glasses, code=2, submission_id=1))
    assert me.commit(tasks).opinions == [tasks[0].image_id]


def test_the_loop_of_the_sweep_page(server: Server):
    client = server.client()
    wish = {"attribute": "glasses", "value": None}
    page = client.post("/sweep/next", wish | {"count": 5}).json()
    assert (len(page["images"]), page["groups"]) == (5, [])
    first, *others = page["images"]
    answers = [{"image_id": i["image_id"], "lease": i["lease"], "code": 0} for i in others]
    body = {"attribute": "glasses", "answers": answers, "left_out": [first["lease"]], "milliseconds": 9}
    kept = client.post("/sweep", body, "k").json()
    assert (kept["submission"], kept["answered"], kept["opinions"]) == ("k", 4, [])
    assert client.post("/sweep", body, "k").json() == kept
    assert client.get("/progress")["attributes"]["glasses"]["values"] == {"0": 4}
    undo = {"submission": "k", "left_out": [first["image_id"]]}
    undone = client.post("/sweep/undo", undo, "u").json()
    assert {i["image_id"] for i in undone["images"]} == {i["image_id"] for i in page["images"]}
    assert client.get("/progress")["attributes"]["glasses"]["labelled"] == 0
    leases = [image["lease"] for image in undone["images"]]
    again = client.post("/sweep/next", wish | {"count": 0, "holding": [*leases, "gone"]}).json()
    assert (again["renewed"], again["lost"]) == (leases, ["gone"])
    given_up = client.post("/sweep/next", wish | {"count": 5, "leaving": leases}).json()
    assert [i["image_id"] for i in given_up["images"]] == [i["image_id"] for i in page["images"]]


CELL = {"image_id": 1, "lease": None, "code": 0}


@pytest.mark.parametrize(
    ("path", "body", "key", "status", "code"),
    [
        ("/sweep/next", {"attribute": "beard"}, None, 400, "unknown_attribute"),
        ("/sweep/next", {"attribute": "identity"}, None, 400, "not_sweepable"),
        ("/sweep/next", {"attribute": "glasses", "value": 9}, None, 400, "unknown_value"),
        ("/sweep/next", {"attribute": "glasses", "order": "random"}, None, 400, "bad_request"),
        ("/sweep/next", {"attribute": "glasses", "count": 61}, None, 400, "bad_request"),
        ("/sweep/next", {}, None, 400, "bad_request"),
        ("/sweep", {"attribute": "glasses", "answers": [CELL]}, None, 400, "no_key"),
        ("/sweep", {"attribute": "glasses", "answers": [CELL, CELL]}, "k", 400, "bad_request"),
        ("/sweep", {"attribute": "glasses", "answers": [CELL | {"code": 9}]}, "k", 400, "unknown_value"),
        ("/sweep", {"attribute": "glasses", "answers": [CELL | {"code": "0"}]}, "k", 400, "bad_request"),
        (
            "/sweep",
            {"attribute": "glasses", "answers": [CELL | {"image_id": 10**6}]},
            "k",
            404,
            "unknown_image",
        ),
        ("/sweep", {"attribute": "identity", "answers": [CELL]}, "k", 400, "not_sweepable"),
        ("/sweep/undo", {}, "k", 404, "nothing_to_undo"),
        ("/sweep/undo", {}, None, 400, "no_key"),
    ],
)
def test_every_error_of_a_sweep_has_one_shape(
    filled: ProjectFolder, path: str, body: object, key: str | None, status: int, code: str
):
    client = create_app(filled, Settings()).test_client()
    answer = client.post(f"/api/v1{path}", json=body, headers={"Idempotency-Key": key} if key else {})
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert set(error) == {"code", "what", "kept", "do"}
