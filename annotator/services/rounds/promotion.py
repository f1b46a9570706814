"""Promotion: use an earlier round's predictions again until the next round is loaded."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.states import SubmissionKind
from annotator.errors import Conflict
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Predictions
from annotator.project import ProjectFolder
from annotator.services.annotation.log import add_submission, find_submission
from annotator.services.predictions.active import check_schema, next_turn
from annotator.services.rounds.jobs import get_round

PROMOTION = "promotion:"
"""The beginning of a promotion's fingerprint; the round's number follows, so that it is known when which round was in use."""


def predictions_of(session: Session, number: int) -> Predictions | None:
    """The predictions of a round; None if it has not succeeded."""
    newest = select(Predictions).where(Predictions.round_id == number).order_by(Predictions.id.desc())
    return session.scalar(newest.limit(1))


def round_in_use(session: Session, schema_hash: str) -> int | None:
    """The number of the round whose predictions are in use; None without predictions, or if they were imported."""
    query = select(Predictions.round_id).where(Predictions.schema_hash == schema_hash)
    return session.scalar(query.order_by(Predictions.turn.desc(), Predictions.id.desc()).limit(1))


def promote(project: ProjectFolder, key: str, number: int, labeller_id: int) -> None:
    """Use a round's predictions for the queue and the suggestions. Repeating a key changes nothing.

    Raises:
        NotFound: if there is no such round.
        Conflict: if it made no predictions, or the key was used for something else.
        FacelabelError: if they are damaged or were made for another schema; the predictions in use stay in use.
    """
    fingerprint = f"{PROMOTION}{number}"
    with project.database.read() as session:
        if find_submission(session, key, fingerprint) is not None:
            return
        get_round(session, number)
        predictions = predictions_of(session, number)
    if predictions is None:
        raise Conflict(
            "no_predictions",
            f"Round {number} made no predictions.",
            kept="The predictions in use stay in use.",
            do="Choose a round that is done.",
        )
    file = PredictionsFile(project.path / predictions.path)
    file.verify()
    check_schema(project, file)
    with project.database.write() as session:
        if find_submission(session, key, fingerprint) is None:
            session.get_one(Predictions, predictions.id).turn = next_turn(session)
            add_submission(
                session,
                key=key,
                kind=SubmissionKind.PROMOTION,
                fingerprint=fingerprint,
                labeller_id=labeller_id,
                image_id=None,
            )
