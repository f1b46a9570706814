"""Promotion: a person chooses a round's predictions for everything until the next round is loaded, and goes back."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.states import SubmissionKind
from annotator.errors import Conflict
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Predictions
from annotator.project import ProjectFolder
from annotator.services.annotation.log import add_submission, find_submission
from annotator.services.predictions.active import name_of
from annotator.services.rounds.jobs import get_round
from annotator.services.rounds.loading import other_schema
from annotator.services.rounds.pruning import refuse_pruned
from annotator.services.rounds.sources import (
    Decision,
    add_decisions,
    decide_for_all,
    decide_sources,
    newest_usable,
    next_turn,
)
from annotator.services.schema.active import active_schema

_PROMOTION = "promotion:"
"""The beginning of a promotion's fingerprint; the round's number follows, or `best`."""


def predictions_of(session: Session, number: int) -> Predictions | None:
    """The predictions of a round; None if it has not succeeded."""
    newest = select(Predictions).where(Predictions.round_id == number).order_by(Predictions.id.desc())
    return session.scalar(newest.limit(1))


def promote(project: ProjectFolder, key: str, number: int, labeller_id: int) -> None:
    """Use a round's predictions for the queue, and for the suggestions of all attributes that they answer.

    Repeating a key changes nothing.

    Raises:
        NotFound: if there is no such round.
        Conflict: if it made no predictions or was pruned, or the key was used for something else.
        FacelabelError: if they are damaged or were made for another schema; the predictions in use stay in use.
    """
    fingerprint = f"{_PROMOTION}{number}"
    with project.database.read() as session:
        if find_submission(session, key, fingerprint, labeller_id) is not None:
            return
        get_round(session, number)
        refuse_pruned(session, number)
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
    with project.database.read() as session:
        schema_hash = active_schema(session).hash
        if predictions.schema_hash != schema_hash:
            raise other_schema(file)
        decisions = decide_for_all(session, schema_hash, predictions, file)
    _use(project, key, fingerprint, labeller_id, predictions, decisions)


def return_to_best(project: ProjectFolder, key: str, labeller_id: int) -> None:
    """Use the newest predictions again, and for each attribute the best measured ones. Repeating a key changes nothing.

    Raises:
        Conflict: if no predictions for the active schema can be read, or the key was used for something else.
    """
    fingerprint = f"{_PROMOTION}best"
    with project.database.read() as session:
        if find_submission(session, key, fingerprint, labeller_id) is not None:
            return
        found = newest_usable(project, session, active_schema(session).hash)
        if not found:
            raise Conflict(
                "no_predictions",
                "There are no predictions for the active schema.",
                kept="The predictions in use stay in use.",
                do="Start a round.",
            )
        newest, file = found[0]
        decisions = decide_sources(project, session, file, name_of(newest), newest.id)
        ordering, _ = max(found, key=lambda pair: len(pair[1].codes))  # the newest of those that answer most
    _use(project, key, fingerprint, labeller_id, ordering, decisions)


def _use(
    project: ProjectFolder,
    key: str,
    fingerprint: str,
    labeller_id: int,
    predictions: Predictions,
    decisions: list[Decision],
) -> None:
    with project.database.write() as session:
        if find_submission(session, key, fingerprint, labeller_id) is None:
            if predictions.round_id is not None:
                refuse_pruned(session, predictions.round_id)
            session.get_one(Predictions, predictions.id).turn = next_turn(session)
            add_decisions(session, predictions.schema_hash, decisions, predictions.id)
            add_submission(
                session,
                key=key,
                kind=SubmissionKind.PROMOTION,
                fingerprint=fingerprint,
                labeller_id=labeller_id,
                image_id=None,
            )
