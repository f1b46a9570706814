"""Suggestions do not become worse unasked: the best measured round suggests, attribute by attribute, and says why."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import update

from annotator.domain.metrics.audit import Measured
from annotator.domain.metrics.source_choice import choose_source
from annotator.models import Image, Project
from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.annotation.bulk import SweepSelection, count_predicted
from annotator.services.predictions.active import ActivePredictions, active_predictions, round_in_use
from annotator.services.rounds.promotion import promote, return_to_best
from annotator.services.rounds.status import suggestion_sources
from annotator.services.schema.active import active_schema
from tests.support.commands import call
from tests.support.predictions_folder import write_predictions
from tests.support.projects.images import LIMITS, import_images, names_of
from tests.support.projects.round_results import add_finished_round, add_round_with_errors, answer_audit_set
from tests.support.serving import Server

WRINKLED, SMOOTH = [0.2, 0.8], [0.7, 0.3]


def active(project: ProjectFolder) -> ActivePredictions:
    with project.database.read() as session:
        found = active_predictions(project, session, active_schema(session).hash)
    assert found is not None
    return found


def sources(project: ProjectFolder) -> dict[str, int | None]:
    with project.database.read() as session:
        return {entry["attribute"]: entry["round"] for entry in suggestion_sources(project, session)}


def reason(project: ProjectFolder, attribute: str = "glasses") -> str:
    with project.database.read() as session:
        return {entry["attribute"]: entry["reason"] for entry in suggestion_sources(project, session)}[
            attribute
        ]


def ordering(project: ProjectFolder) -> int | None:
    with project.database.read() as session:
        return round_in_use(session, active_schema(session).hash)


def suggested(project: ProjectFolder, name: str) -> dict[str, int]:
    with project.database.read() as session:
        sha256 = session.query(Image.sha256).filter_by(name=name).scalar()
    return {attribute: s.code for attribute, s in active(project).suggestions(name, sha256).items()}


def test_a_round_that_is_shown_to_be_worse_suggests_only_where_it_is_not(filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    wrong = next(iter(truth))
    good = add_round_with_errors(filled, truth, 0, wrinkles=SMOOTH)
    assert reason(filled) == "No other predictions that can be used answer this attribute."
    bad = add_round_with_errors(filled, truth, 12, wrinkles=WRINKLED)
    assert sources(filled) == {"wrinkles": bad, "glasses": good}
    assert ordering(filled) == bad
    assert reason(filled).startswith(
        f"On 20 audit images round {bad} is 60.0 points worse than round {good} ("[:40]
    )
    assert suggested(filled, wrong) == {"wrinkles": 1, "glasses": truth[wrong]}
    with filled.database.read() as session:
        counts = count_predicted(filled, session, SweepSelection("glasses"))
    assert counts == {code: sum(v == code for v in truth.values()) + 20 * (code == 0) for code in range(3)}
    better = add_round_with_errors(filled, truth, 0, wrinkles=SMOOTH)
    assert sources(filled) == {"wrinkles": better, "glasses": better}
    assert "0.0 points better" in reason(filled)


def test_suggestions_do_not_become_worse_in_small_steps(filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    first = add_round_with_errors(filled, truth, 0)
    second = add_round_with_errors(filled, truth, 3)
    assert sources(filled) == {"glasses": second}
    assert reason(filled).endswith(f"than round {first}, which does not show that it is worse.")
    third = add_round_with_errors(filled, truth, 6)
    assert sources(filled) == {"glasses": first}
    assert reason(filled).startswith(f"On 20 audit images round {third} is 30.0 points worse (")
    assert reason(filled).endswith(f" than round {first}.")


def test_a_round_that_answers_fewer_attributes_takes_neither_them_nor_the_order(filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    both = add_round_with_errors(filled, truth, 4, wrinkles=SMOOTH)
    fewer = add_round_with_errors(filled, truth, 3)
    assert (sources(filled), ordering(filled)) == ({"wrinkles": both, "glasses": fewer}, both)
    assert reason(filled, "wrinkles") == f"Round {fewer} does not answer this attribute."
    promote(filled, "a", fewer, 1)
    assert (sources(filled), ordering(filled)) == ({"wrinkles": both, "glasses": fewer}, fewer)
    return_to_best(filled, "b", 1)
    assert (sources(filled), ordering(filled)) == ({"wrinkles": both, "glasses": fewer}, both)


def test_a_person_overrules_the_choice_and_goes_back(filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    good = add_round_with_errors(filled, truth, 0, wrinkles=SMOOTH)
    bad = add_round_with_errors(filled, truth, 12, wrinkles=WRINKLED)
    promote(filled, "all", bad, 1)
    assert sources(filled) == {"wrinkles": bad, "glasses": bad}
    assert reason(filled) == f"Somebody chose round {bad} for all attributes."
    promote(filled, "old", good, 1)
    assert (sources(filled), ordering(filled)) == ({"wrinkles": good, "glasses": good}, good)
    for _ in range(2):  # the second is a repetition
        return_to_best(filled, "back", 1)
        assert (sources(filled), ordering(filled)) == ({"wrinkles": bad, "glasses": good}, bad)
    promote(filled, "all", bad, 1)  # a repetition that comes late
    assert sources(filled)["glasses"] == good
    promote(filled, "again", bad, 1)
    worse_too = add_round_with_errors(filled, truth, 13, wrinkles=SMOOTH)
    assert sources(filled) == {"wrinkles": worse_too, "glasses": good}, (
        "a person's choice holds until a round is loaded"
    )


@pytest.mark.parametrize("loss", ["gone", "torn"])
def test_a_source_whose_file_is_lost_gives_way_to_the_newest_round(filled: ProjectFolder, loss: str):
    truth = answer_audit_set(filled, 20)
    good = add_round_with_errors(filled, truth, 0)
    bad = add_round_with_errors(filled, truth, 12)
    folder = filled.rounds / f"{good:04d}" / "run" / "predictions"
    if loss == "gone":
        shutil.rmtree(folder)
    else:
        (folder / "predictions.arrow").write_bytes(b"torn")
    reopened = ProjectFolder.open(filled.path)
    assert sources(reopened) == {"glasses": bad}
    assert reason(reopened) == f"The predictions of round {good} are gone or damaged."
    assert suggested(reopened, names_of(reopened)[-1]) == {"glasses": 0}
    next_one = add_round_with_errors(reopened, truth, 14)
    assert sources(reopened) == {"glasses": next_one}, "not shown to be worse than what is left"
    reopened.database.close()


def test_without_a_comparison_the_newest_round_suggests_and_it_is_said(filled: ProjectFolder):
    add_finished_round(filled, names_of(filled)[0])
    newest = add_finished_round(filled, names_of(filled)[1])
    assert sources(filled) == {"glasses": newest}
    assert reason(filled).endswith("cannot be compared: no audit image has this label yet.")
    truth = answer_audit_set(filled, 20)
    good = add_round_with_errors(filled, truth, 0)
    with filled.database.write() as session:
        session.execute(update(Project).values(split_seed=7))
    snapshot = filled.rounds / f"{good:04d}" / "snapshot"
    snapshot.mkdir()
    (snapshot / "manifest.json").write_text('{"splits": {"seed": 0}}')
    bad = add_round_with_errors(filled, truth, 12)
    assert sources(filled) == {"glasses": bad}
    assert "because the splits were changed" in reason(filled)


def test_images_that_are_newer_than_the_source_get_the_suggestions_of_the_newest_round(
    filled: ProjectFolder, tmp_path: Path
):
    truth = answer_audit_set(filled, 20)
    good = add_round_with_errors(filled, truth, 0)
    draw_faces(tmp_path / "more", 1, size=80, seed=5)
    (tmp_path / "more").rename(tmp_path / "later")
    before = set(names_of(filled))
    import_images(filled, [tmp_path / "later"], LIMITS)
    [new] = set(names_of(filled)) - before
    assert suggested(filled, new) == {}
    add_round_with_errors(filled, truth, 12)
    assert sources(filled) == {"glasses": good}
    assert suggested(filled, new) == {"glasses": 0}


def test_imported_predictions_have_to_be_good_too(filled: ProjectFolder, tmp_path: Path):
    truth = answer_audit_set(filled, 20)
    good = add_round_with_errors(filled, truth, 0, wrinkles=SMOOTH)
    wrong = {name: [0.1, 0.8, 0.1] if code == 0 else [0.8, 0.1, 0.1] for name, code in truth.items()}
    brought = write_predictions(filled, tmp_path / "brought", wrong)
    report = call("import", brought, "-p", filled.path).out
    assert (
        "earlier predictions still suggest glasses: On 20 audit images the predictions that were imported on"
        in report
    )
    assert "the order of the queue stays, because these predictions answer fewer attributes" in report
    assert f"glasses is suggested by round {good}" in call("status", "-p", filled.path).out


def test_the_api_says_which_round_suggests_what(filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    good = add_round_with_errors(filled, truth, 0, wrinkles=SMOOTH)
    bad = add_round_with_errors(filled, truth, 12, wrinkles=WRINKLED)
    with Server(filled.path) as server:
        client = server.client()
        told = client.get("/rounds")
        assert [(row["id"], row["in_use"], row["suggests"]) for row in told["rounds"]] == [
            (bad, True, ["wrinkles"]),
            (good, False, ["glasses"]),
        ]
        assert [(entry["attribute"], entry["round"], entry["chosen"]) for entry in told["sources"]] == [
            ("wrinkles", bad, False),
            ("glasses", good, False),
        ]
        glasses = next(a for a in client.get("/insights")["attributes"] if a["attribute"] == "glasses")
        assert (glasses["source"], glasses["confusion"]) == (good, [[10, 0, 0], [0, 10, 0], [0, 0, 0]])
        client.post(f"/rounds/{bad}/promote", {}, "p").raise_for_status()
        assert all(entry["chosen"] for entry in client.get("/rounds")["sources"])
        assert client.post("/rounds/best-measured", {}, "b").status_code == 204
        assert not any(entry["chosen"] for entry in client.get("/rounds")["sources"])


def test_few_groups_give_a_difference_without_an_interval_which_decides_nothing():
    def measured(value: float) -> Measured:
        return Measured(
            4, 2, value, None, None, "the audit images are of 2 groups only, too few for an interval", []
        )

    choice = choose_source(measured(0.5), measured(0.75), ("round 2", "round 1"))
    assert (choice.new, choice.best) == (True, False)
    assert choice.reason == (
        "On 4 audit images round 2 is 25.0 points worse (balanced accuracy) than round 1, without an interval: the audit "
        "images are of 2 groups only, too few for an interval."
    )
