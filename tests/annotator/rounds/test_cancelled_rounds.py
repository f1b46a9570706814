"""A round that is cancelled leaves nothing half, and the predictions in use stay in use."""

import re
from functools import partial

import pytest
from sqlalchemy import select

from annotator.config import Settings
from annotator.errors import Conflict, NotFound
from annotator.models import Predictions, Round
from annotator.project import ProjectFolder
from annotator.services.common.round_artifacts import REPORT
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.insights.background import analyses_of, start_due_analysis
from annotator.services.rounds.jobs import cancel_round, start_round
from annotator.worker import Report, run_next_round
from tests.support.commands import call
from tests.support.projects.labelling import row_count
from tests.support.waiting import wait_until

QUICK = {
    "network": "s0_cnn", "pretrained": False, "batch_norm": "trained", "image_size": 80, "batch_size": 16, "epochs": 1,
}  # fmt: skip
"""Settings of a fine-tuning that takes two seconds."""
PHASES = {"epoch 1 of at most 1: validating", "calibrating", "scoring images"}
"""What a round of the engine cnn tells beside its stages."""


def queue(project: ProjectFolder, engine: str = "probe") -> int:
    with project.database.write() as session:
        return start_round(session, engine, "margin").id


def work(project: ProjectFolder, report: Report = lambda *_: None) -> bool:
    return run_next_round(project, Settings(), RoundSnapshots(project), report)


def states(project: ProjectFolder) -> list[str]:
    with project.database.read() as session:
        return list(session.scalars(select(Round.state).order_by(Round.id)))


def test_a_queued_round_is_cancelled_by_the_command_and_its_leftovers_go(labelled: ProjectFolder):
    number = queue(labelled)
    leftovers = labelled.round_folder(number) / "run"
    leftovers.mkdir(parents=True)  # of an attempt that was interrupted
    call("round", "--cancel", "-p", labelled.path).assert_done()
    assert not work(labelled), "nothing is left to do"
    assert states(labelled) == ["cancelled"]
    assert not labelled.round_folder(number).exists()
    call("round", "--cancel", "-p", labelled.path).assert_refused(1, "No round is queued or running")


@pytest.mark.usefixtures("features")
def test_a_running_round_ends_within_its_stage_and_leaves_no_folder_and_no_predictions(
    labelled: ProjectFolder,
):
    number = queue(labelled)
    stages = []

    def cancel(stage: str, *_: object) -> None:
        stages.append(stage)
        if stage == "train" and stages.count("train") == 1:
            with labelled.database.write() as session:
                cancel_round(session, number)

    assert work(labelled, cancel)
    assert states(labelled) == ["cancelled"]
    assert stages[-1] in {"train", "evaluate"}
    assert row_count(labelled, Predictions) == 0
    assert not labelled.round_folder(number).exists()
    queue(labelled)
    assert work(labelled)
    assert states(labelled) == ["cancelled", "done"]


@pytest.mark.usefixtures("features")
def test_a_round_whose_predictions_are_being_loaded_is_not_cancelled(labelled: ProjectFolder):
    number = queue(labelled)

    def cancel(stage: str, done: int, *_: object) -> None:
        if stage == "load" and done == 0:
            with labelled.database.write() as session:
                session.get_one(Round, number).stage = "load"
                with pytest.raises(Conflict, match=f"Round {number} is being loaded"):
                    cancel_round(session, number)

    assert work(labelled, cancel)
    assert states(labelled) == ["done"]
    with labelled.database.write() as session:
        with pytest.raises(Conflict, match="is done"):
            cancel_round(session, number)
        with pytest.raises(NotFound):
            cancel_round(session, number + 1)


Phase = tuple[str, str]
"""A stage of a round, and what it tells within the stage, without the numbers."""


def phase_of(stage: str, message: str) -> Phase:
    return stage, re.sub(r": (loss|\d+ images).*", "", message)


def phases_of(project: ProjectFolder, engine: str) -> list[Phase]:
    """The phases that a round goes through."""
    phases: dict[Phase, None] = {}
    number = queue(project, engine)
    assert work(project, lambda stage, _done, _total, text: phases.setdefault(phase_of(stage, text)))
    with project.database.read() as session:
        assert session.get_one(Round, number).error is None
    return list(phases)


def cancel_in(project: ProjectFolder, engine: str, phase: Phase) -> None:
    """Run a round and cancel it as soon as it tells of a phase."""
    number, told = queue(project, engine), []

    def report(stage: str, _done: int, _total: int, text: str) -> None:
        if phase_of(stage, text) == phase and not told:
            told.append(text)
            with project.database.write() as session:
                cancel_round(session, number)

    assert work(project, report)
    assert told, phase
    assert states(project)[-1] == "cancelled", phase
    assert not project.round_folder(number).exists()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("engine", ["cnn", "ensemble", "probe"])
def test_a_round_is_cancelled_in_any_phase(
    labelled: ProjectFolder, engine: str, monkeypatch: pytest.MonkeyPatch, soak: bool
):
    if engine != "cnn" and not soak:
        pytest.skip("make soak runs it: each phase of each engine")
    monkeypatch.setattr("trainer.presets.preset", lambda _: QUICK)
    phases = phases_of(labelled, engine)
    assert {stage for stage, _ in phases} == {"snapshot", "features", "train", "evaluate", "predict", "load"}
    loaded = row_count(labelled, Predictions)
    chosen = [phase for phase in phases if phase[0] != "load" and (soak or phase[1] in PHASES)]
    assert engine != "cnn" or {text for _, text in chosen} >= PHASES
    for phase in chosen:
        cancel_in(labelled, engine, phase)
    assert row_count(labelled, Predictions) == loaded


def test_a_round_that_trained_a_network_gets_its_report_as_soon_as_it_ends(
    labelled: ProjectFolder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("trainer.presets.preset", lambda _: QUICK)
    analyses = analyses_of(labelled)
    number = queue(labelled, "cnn")
    try:
        assert run_next_round(
            labelled,
            Settings(),
            RoundSnapshots(labelled),
            analyses=analyses,
            analyse=partial(start_due_analysis, analyses),
        )
        assert analyses[0].running, "it starts with the end of the round"
        wait_until(lambda: not analyses[0].running, "the report is written")
    finally:
        for analysis in analyses:
            analysis.close()
    assert (labelled.round_folder(number) / "run" / REPORT).is_file()
