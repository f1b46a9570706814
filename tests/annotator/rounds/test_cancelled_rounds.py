"""A round that is cancelled leaves nothing half, and the predictions in use stay in use."""

import pytest
from sqlalchemy import select

from annotator.config import Settings
from annotator.errors import Conflict, NotFound
from annotator.models import Predictions, Round
from annotator.project import ProjectFolder
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.rounds.jobs import cancel_round, start_round
from annotator.worker import Report, run_next_round
from tests.support.commands import call
from tests.support.projects.labelling import row_count


def queue(project: ProjectFolder) -> int:
    with project.database.write() as session:
        return start_round(session, "probe", "margin").id


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
