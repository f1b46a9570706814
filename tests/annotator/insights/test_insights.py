"""Insights: the development of rounds, answers and suggestions, in every state of a project."""

import csv
import io
import json
import secrets

import pytest
from sqlalchemy import update

from annotator.models import Project, Round
from annotator.project import ProjectFolder
from annotator.services.insights.report import Insights, curve_of, read_insights
from annotator.services.review.corrections import undo_correction
from annotator.services.rounds.comparison import round_changes
from annotator.services.rounds.promotion import promote
from tests.support.projects.images import image_of
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.reviewing import save_correction
from tests.support.projects.round_results import add_round_with_errors, answer_audit_set, write_estimate
from tests.support.serving import Server


def insights(project: ProjectFolder) -> Insights:
    with project.database.read() as session:
        return read_insights(project, session)


def of(project: ProjectFolder, attribute: str = "glasses"):
    return next(found for found in insights(project).attributes if found.attribute == attribute)


def test_without_labels_and_without_rounds_there_is_advice_and_no_metric(filled: ProjectFolder):
    found = insights(filled)
    assert (found.rounds.rounds, found.rounds.in_use, found.suggestions) == ([], None, {})
    assert {entry.advice.text for entry in found.attributes} == {
        "Nothing is labelled yet. Label some images, then start a round."
    }
    assert (found.pace.per_hour, found.pace.hours_left, found.pace.open_images) == (None, None, 40)
    Person(filled).answer(Person(filled).next()[0], ALL)
    assert "There is no round yet" in of(filled).advice.text
    assert of(filled).distribution.labelled == 1


def test_rounds_are_measured_on_the_audit_labels_of_today(filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    first = add_round_with_errors(filled, truth, 10, labels=100)
    assert of(filled).changed is None
    second = add_round_with_errors(filled, truth, 2, labels=200)
    found = insights(filled)
    curve = curve_of(found.rounds, "glasses")
    assert [(number, labels, measured.images) for number, labels, measured in curve] == [
        (first, 100, 20),
        (second, 200, 20),
    ]
    assert [measured.value for *_, measured in curve] == pytest.approx([0.5, 0.9])
    assert all(measured.low < measured.value for *_, measured in curve)
    assert of(filled).changed == pytest.approx(8 / 40)
    assert of(filled).gain.value == pytest.approx(0.1)  # no more than what is missing to 1
    assert found.rounds.confusion["glasses"] == [[9, 1, 0], [1, 9, 0], [0, 0, 0]]
    assert found.rounds.calibration["glasses"].error == pytest.approx(0, abs=1e-6)
    # A correction may have been made in sight of what a model answers. An answer given blind later measures both rounds.
    me, name = Person(filled), next(iter(truth))
    image, other = image_of(filled, name), {"glasses": 1 - truth[name]}
    save_correction(filled, me, image, other, "changed mind")
    assert [m.value for *_, m in curve_of(insights(filled).rounds, "glasses")] == pytest.approx([0.5, 0.9])
    for key in ("changed mind", f"audit {name}"):
        with filled.database.write() as session:
            undo_correction(session, me.id, f"undo {key}", image, key)
    [task] = [task for task in me.next(40) if task.image_name == name]
    me.answer(task, ALL | other)
    assert [m.value for *_, m in curve_of(insights(filled).rounds, "glasses")] != [0.5, 0.9]


def test_a_round_whose_predictions_are_gone_keeps_what_was_measured_then(filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    number = add_round_with_errors(filled, truth, 4)
    with filled.database.write() as session:
        told = {"glasses": {"test": {"images": 12, "groups": 9, "balanced_accuracy": 0.77}}}
        session.get_one(Round, number).metrics = told
    (filled.rounds / f"{number:04d}" / "run" / "predictions" / "manifest.json").unlink()
    [(_, labels, measured)] = curve_of(insights(filled).rounds, "glasses")
    assert (labels, measured.value, measured.low, measured.images) == (0, 0.77, None, 12)
    assert "gone" in measured.reason


def test_a_round_that_was_trained_with_other_splits_is_not_measured_on_images_it_learned_from(
    filled: ProjectFolder,
):
    truth = answer_audit_set(filled, 20)
    first = add_round_with_errors(filled, truth, 4, labels=100)
    before = add_round_with_errors(filled, truth, 5, labels=150)
    with filled.database.write() as session:
        told = {"glasses": {"test": {"images": 12, "groups": 9, "balanced_accuracy": 0.77}}}
        for number in (first, before):
            session.get_one(Round, number).metrics = told
        session.execute(update(Project).values(split_seed=7))
    for number, seed in ((first, 0), (before, 0)):
        manifest = filled.rounds / f"{number:04d}" / "snapshot" / "manifest.json"
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"splits": {"seed": seed}}))
    after = add_round_with_errors(filled, truth, 2, labels=200)
    curve = curve_of(insights(filled).rounds, "glasses")
    assert [(n, m.value, m.images) for n, _, m in curve] == [
        (first, 0.77, 12),
        (before, 0.77, 12),
        (after, pytest.approx(0.9), 20),
    ]
    assert "splits were changed" in curve[0][2].reason
    assert of(filled).gain is None, "metrics on other images lie on no common line"
    with filled.database.read() as session:
        [now_told] = round_changes(filled, session, before).attributes
        [compared] = round_changes(filled, session, after).attributes
    assert (now_told.now.value, now_told.before) == (0.77, None)
    assert (compared.now.value, compared.before, compared.difference) == (pytest.approx(0.9), None, None)


def test_suggestions_count_for_the_round_that_was_in_use(filled: ProjectFolder):
    truth = answer_audit_set(filled, 10)
    first, second = add_round_with_errors(filled, truth, 1), add_round_with_errors(filled, truth, 0)
    me = Person(filled)

    def answer(key: str, accepted: str, corrected: str) -> None:
        [task] = me.next()
        me.answer(task, ALL, key=key, accepted=frozenset({accepted}), corrected=frozenset({corrected}))

    answer("a", "glasses", "wrinkles")  # no round suggested wrinkles
    promote(filled, "back", first, me.id)
    answer("b", "freckles", "glasses")
    answer("c", "freckles", "glasses")
    me.undo("c")
    found = {key: (s.accepted, s.corrected) for key, s in insights(filled).suggestions.items()}
    assert found == {
        (second, "glasses"): (1, 0),
        (first, "glasses"): (0, 1),
    }


def test_the_pace_is_that_of_the_answers_and_forecasts_what_is_left(filled: ProjectFolder):
    me = Person(filled)
    for number, task in enumerate(me.next(4)):
        me.answer(task, ALL, key=f"a{number}", milliseconds=6000)
    pace = insights(filled).pace
    assert (pace.cells, pace.open_images, [day.cells for day in pace.days]) == (
        4 * len(ALL),
        36,
        [4 * len(ALL)],
    )
    assert pace.hours_left == pytest.approx(pace.open_cells / (pace.cells / pace.hours))


def test_the_api_and_the_tables_have_the_same_numbers(filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    add_round_with_errors(filled, truth, 10, labels=100)
    newest = add_round_with_errors(filled, truth, 2, labels=200)
    with Server(filled.path) as server:
        client = server.client()
        told = client.get("/insights")
        glasses = next(entry for entry in told["attributes"] if entry["attribute"] == "glasses")
        assert (told["in_use"], len(told["rounds"]), len(glasses["curve"])) == (newest, 2, 2)

        def table(name: str) -> list[dict[str, str]]:
            answer = client.session.get(f"{server.url}/insights/{name}.csv?attribute=glasses", timeout=60)
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
            return list(csv.DictReader(io.StringIO(answer.text)))

        assert [float(row["balanced_accuracy"]) for row in table("curves")] == [
            p["value"] for p in glasses["curve"]
        ]
        assert sum(int(row["images"]) for row in table("confusion")) == 20
        assert {row["attribute"] for row in table("distributions")} == {"glasses"}
        assert [len(table(name)) for name in ("calibration", "advice", "agreement")] == [1, 1, 1]
        assert table("pace") == table("suggestions") == table("saved") == []
        assert client.get("/insights")["labels_saved"] is None
        sentence = write_estimate(filled, 2)
        told = client.get("/insights")["labels_saved"]
        assert (told["text"], told["round"], told["worth"], told["saved"]) == (sentence, 2, 1.42, 254)
        assert [(row["round"], row["low"], row["text"]) for row in table("saved")] == [
            ("2", "1.11", sentence)
        ]
        key = secrets.token_hex(8)
        assert client.session.get(f"{server.url}/insights/{key}.csv", timeout=60).status_code == 404
