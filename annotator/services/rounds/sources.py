"""Which predictions suggest the values of each attribute, and which give the order of work: nothing becomes worse unasked.

New predictions suggest for an attribute unless the best measured earlier ones are shown to be better on the current audit
labels. They give the order of work unless they answer fewer attributes than the active ones. Only a person overrules this
(promotion.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.metrics.audit import Measured
from annotator.domain.metrics.source_choice import SourceChoice, choose_source
from annotator.errors import FacelabelError
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Predictions, Round, SuggestionSource, now
from annotator.project import ProjectFolder
from annotator.services.predictions.active import (
    active_predictions,
    answers_all_values,
    name_of,
    newest_entries,
    usable_file,
)
from annotator.services.rounds.metrics import measure_together
from annotator.services.schema.active import ActiveSchema, active_schema

_SEARCHED = 20
"""The number of newest predictions among which those are found to which a person goes back."""


@dataclass(frozen=True)
class Decision:
    """Which predictions suggest the values of an attribute, and which are the best measured ones, by id; None: the new ones."""

    attribute_id: int
    predictions: int | None
    best: int | None
    reason: str
    chosen: bool = False


@dataclass(frozen=True)
class _Candidate:
    """Predictions that can suggest. `id`: None for new ones that are not stored yet."""

    id: int | None
    file: PredictionsFile
    name: str


def next_turn(session: Session) -> int:
    """Return the turn that makes predictions active: higher than all earlier ones."""
    return (session.scalar(select(func.max(Predictions.turn))) or 0) + 1


def gives_order(project: ProjectFolder, session: Session, file: PredictionsFile, schema_hash: str) -> bool:
    """Whether new predictions give the order of work: unless the active ones can be read and answer more attributes."""
    try:
        active = active_predictions(project, session, schema_hash)
        if active is not None:
            active.file.check_columns()
    except FacelabelError:
        return True
    return active is None or len(file.codes) >= len(active.file.codes)


def decide_sources(
    project: ProjectFolder, session: Session, file: PredictionsFile, name: str, number: int | None = None
) -> list[Decision]:
    """Decide for every attribute whether new predictions suggest its values.

    Args:
        project: the project.
        session: a session.
        file: the new predictions, made for the active schema.
        name: their name within a sentence.
        number: their id; None if they are not stored yet.
    """
    active = active_schema(session)
    entries = newest_entries(session, active.hash)
    new = _Candidate(number, file, name)
    best = {
        attribute: _best(project, session, active, attribute, entry)
        for attribute, (entry, _) in entries.items()
    }
    metrics = {
        other.id: measure_together(session, active, [file, other.file])
        for other in best.values()
        if other is not None and other.id != number
    }
    decisions = []
    for attribute, attribute_id in active.ids.items():
        earlier = best.get(attribute)
        if attribute in file.codes:
            choice = _choose(attribute, new, earlier, metrics.get(earlier.id, []) if earlier else [])
            decisions.append(
                Decision(
                    attribute_id,
                    number if choice.new or earlier is None else earlier.id,
                    number if choice.best or earlier is None else earlier.id,
                    choice.reason,
                )
            )
        elif earlier is not None:
            entry, _ = entries[attribute]
            kept = earlier.id if entry.chosen else entry.predictions_id
            reason = f"{name[0].upper()}{name[1:]} does not answer this attribute."
            decisions.append(Decision(attribute_id, kept, earlier.id, reason))
    return decisions


def _best(
    project: ProjectFolder, session: Session, active: ActiveSchema, attribute: str, entry: SuggestionSource
) -> _Candidate | None:
    """The best measured predictions of an attribute, or the ones in use if those are gone; None if neither can be used."""
    for number in (entry.best_id, entry.predictions_id):
        row = session.get_one(Predictions, number)
        file = usable_file(project, session, row.path)
        if file is not None and answers_all_values(active, attribute, file):
            return _Candidate(number, file, name_of(row))
    return None


def _choose(
    attribute: str, new: _Candidate, best: _Candidate | None, metrics: Sequence[Mapping[str, Measured]]
) -> SourceChoice:
    if best is None:
        return SourceChoice(
            new=True, best=True, reason="No other predictions that can be used answer this attribute."
        )
    if new.id is not None and new.id == best.id:
        return SourceChoice(new=True, best=True, reason="It is the newest, and the best measured so far.")
    if any(attribute not in measured for measured in metrics):
        reason = f"It is newer than {best.name}, and cannot be compared, because the splits were changed."
        return SourceChoice(new=True, best=True, reason=reason)
    return choose_source(metrics[0][attribute], metrics[1][attribute], (new.name, best.name))


def add_decisions(session: Session, schema_hash: str, decisions: Iterable[Decision], number: int) -> None:
    """Store decisions that differ from what holds already.

    Args:
        session: a writing session.
        schema_hash: the active schema.
        decisions: the decisions.
        number: the id of the new predictions.
    """
    moment = now()
    held = {
        entry.attribute_id: (entry.predictions_id, entry.best_id, entry.reason, entry.chosen)
        for entry, _ in newest_entries(session, schema_hash).values()
    }
    for decision in decisions:
        predictions = number if decision.predictions is None else decision.predictions
        best = number if decision.best is None else decision.best
        if held.get(decision.attribute_id) != (predictions, best, decision.reason, decision.chosen):
            session.add(
                SuggestionSource(
                    attribute_id=decision.attribute_id,
                    predictions_id=predictions,
                    best_id=best,
                    reason=decision.reason,
                    chosen=decision.chosen,
                    since=moment,
                )
            )


def decide_for_all(
    session: Session, schema_hash: str, predictions: Predictions, file: PredictionsFile
) -> list[Decision]:
    """Decide, for a person, that some predictions suggest for all attributes that they answer."""
    active = active_schema(session)
    best = {name: entry.best_id for name, (entry, _) in newest_entries(session, schema_hash).items()}
    reason = f"Somebody chose {name_of(predictions)} for all attributes."
    return [
        Decision(number, predictions.id, best.get(name, predictions.id), reason, chosen=True)
        for name, number in active.ids.items()
        if name in file.codes
    ]


def newest_usable(
    project: ProjectFolder, session: Session, schema_hash: str
) -> list[tuple[Predictions, PredictionsFile]]:
    """Return the newest predictions for the active schema that can be read, newest first, without those of pruned rounds."""
    rows = session.scalars(
        select(Predictions)
        .outerjoin(Round, Round.id == Predictions.round_id)
        .where(Predictions.schema_hash == schema_hash, Round.pruned_at.is_(None))
        .order_by(Predictions.id.desc())
        .limit(_SEARCHED)
    )
    return [(row, file) for row in rows if (file := usable_file(project, session, row.path))]
