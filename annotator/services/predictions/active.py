"""The active predictions of a project, from which the order of work comes, and the predictions that suggest each attribute's values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row, bindparam, func, select, update
from sqlalchemy.orm import Session

from annotator.errors import FacelabelError, NotFound
from annotator.formats.snapshot.predictions import PredictionsFile, Suggestion
from annotator.models import AttributeRow, Predictions, SuggestionSource
from annotator.project import ProjectFolder
from annotator.project_cache import CacheKind, project_cache
from annotator.services.schema.active import ActiveSchema, active_schema

_FILES = CacheKind[Path, PredictionsFile](size=16)
"""The open predictions by folder."""


@dataclass(frozen=True)
class Source:
    """The predictions that suggest the values of one attribute.

    Args:
        predictions: their id.
        round: the round that made them; None: they were imported.
        file: the file.
        reason: why they suggest, in a sentence.
        chosen: whether a person decided it.
    """

    predictions: int
    round: int | None
    file: PredictionsFile
    reason: str
    chosen: bool


@dataclass(frozen=True)
class ActivePredictions:
    """The active predictions.

    Args:
        id: their id.
        cursor: the place from which their order of work is not done.
        file: the file with the order of work.
        sources: attribute → the predictions that suggest its values; attributes that none answer are missing.
    """

    id: int
    cursor: int
    file: PredictionsFile
    sources: Mapping[str, Source]

    def file_for(self, attribute: str) -> PredictionsFile | None:
        """Return the predictions that suggest the values of an attribute; None if none do, or their file was damaged."""
        source = self.sources.get(attribute)
        return source.file if source and source.file.is_usable() else None

    def suggestions(self, image_name: str, sha256: str) -> dict[str, Suggestion]:
        """Return the suggestion for every attribute of `sources`; {} if no predictions have these bytes.

        An image that is newer than the source of an attribute gets the suggestion of the active predictions.
        """
        suggestions = {
            n: s for n, s in self.file.suggestions(image_name, sha256).items() if n in self.sources
        }
        for file in {id(s.file): s.file for s in self.sources.values()}.values():
            if file is not self.file and file.is_usable():
                answers = file.suggestions(image_name, sha256)
                suggestions |= {n: answers[n] for n in answers if self.file_for(n) is file}
        return suggestions


_NEWEST = (
    select(
        Predictions.id,
        Predictions.cursor,
        Predictions.path,
        Predictions.round_id,
        select(func.max(SuggestionSource.id)).scalar_subquery().label("newest_source"),
    )
    .where(Predictions.schema_hash == bindparam("schema_hash"))
    .order_by(Predictions.turn.desc(), Predictions.id.desc())
    .limit(1)
)
_SOURCES = CacheKind[tuple[str, int, int | None], Mapping[str, Source]](size=4)
"""The sources by the schema's hash, the active predictions and the newest entry of the table."""


def active_predictions(
    project: ProjectFolder, session: Session, schema_hash: str
) -> ActivePredictions | None:
    """Find the active predictions: of those for the active schema, the ones that were loaded or chosen last.

    None if there are none, or if their file is gone or damaged.
    """
    row = session.connection().execute(_NEWEST, {"schema_hash": schema_hash}).one_or_none()
    if row is None:
        return None
    file = usable_file(project, session, row.path)
    if file is None:
        return None  # people label on, in a random order and without suggestions
    return ActivePredictions(row.id, row.cursor, file, _sources(project, session, schema_hash, row))


def predictions_of_round(
    project: ProjectFolder, session: Session, schema_hash: str, *, number: int
) -> ActivePredictions | None:
    """The predictions of one round as if they suggested the values of all attributes; None if they are for another schema.

    Raises:
        NotFound: if the round has no predictions, or they were removed.
    """
    query = select(Predictions).where(Predictions.round_id == number).order_by(Predictions.id.desc())
    row = session.scalars(query.limit(1)).one_or_none()
    file = usable_file(project, session, row.path) if row is not None else None
    if row is None or file is None:
        raise NotFound(
            "no_predictions", f"Round {number} has no predictions.", do="Choose a round that is done."
        )
    if row.schema_hash != schema_hash:
        return None
    source = Source(row.id, number, file, "", chosen=True)
    return ActivePredictions(row.id, row.cursor, file, dict.fromkeys(file.codes, source))


def read_sources(project: ProjectFolder, session: Session, schema_hash: str) -> Mapping[str, Source]:
    """Return attribute → the predictions that suggest its values; attributes that none answer are missing."""
    row = session.connection().execute(_NEWEST, {"schema_hash": schema_hash}).one_or_none()
    return {} if row is None else _sources(project, session, schema_hash, row)


def round_in_use(session: Session, schema_hash: str) -> int | None:
    """The number of the round whose predictions give the order of work; None without predictions, or if they were imported."""
    query = select(Predictions.round_id).where(Predictions.schema_hash == schema_hash)
    return session.scalar(query.order_by(Predictions.turn.desc(), Predictions.id.desc()).limit(1))


def carry_predictions(session: Session, before: str, after: str) -> None:
    """Let the predictions for a schema suggest after a change of it, where the change leaves an attribute's values as they were.

    `answers_all_values` decides about each attribute. The order of work starts anew, because the change may have opened images.

    Args:
        session: a session that writes the change.
        before: the hash of the schema until now.
        after: its hash from now on.
    """
    if before != after:
        moved = update(Predictions).where(Predictions.schema_hash == before)
        session.execute(moved.values(schema_hash=after, cursor=0))


def answers_all_values(active: ActiveSchema, attribute: str, file: PredictionsFile) -> bool:
    """Whether predictions answer an attribute with all values that it has now; false for an attribute that was removed."""
    codes = file.codes.get(attribute)
    if codes is None or attribute not in active.ids:
        return False
    return {value.code for value in active.schema[attribute].values if value.status == "active"} <= set(codes)


def suggestions_version(session: Session, schema_hash: str) -> str:
    """Return a text that changes whenever other predictions suggest or give the order of work; "" without predictions."""
    row = session.connection().execute(_NEWEST, {"schema_hash": schema_hash}).one_or_none()
    return "" if row is None else f"{row.id}.{row.newest_source or 0}"


def usable_file(project: ProjectFolder, session: Session, path: str) -> PredictionsFile | None:
    """Open predictions of the project; None if they are gone or damaged."""
    folder = project.path / path
    try:
        file = project_cache(session).get_or_compute(_FILES, folder, lambda: PredictionsFile(folder))
        if file.is_checked:
            return file if file.is_usable() else None
        file.check_columns()
    except FacelabelError:
        return None
    return file


def newest_entries(session: Session, schema_hash: str) -> dict[str, tuple[SuggestionSource, Predictions]]:
    """Return attribute → its newest entry of the table, and the predictions that suggest."""
    of_schema = (
        select(func.max(SuggestionSource.id))
        .join(Predictions, Predictions.id == SuggestionSource.predictions_id)
        .where(Predictions.schema_hash == schema_hash)
        .group_by(SuggestionSource.attribute_id)
    )
    query = (
        select(AttributeRow.name, SuggestionSource, Predictions)
        .join(SuggestionSource, SuggestionSource.attribute_id == AttributeRow.id)
        .join(Predictions, Predictions.id == SuggestionSource.predictions_id)
        .where(SuggestionSource.id.in_(of_schema))
    )
    return {name: (entry, predictions) for name, entry, predictions in session.execute(query)}


def _sources(
    project: ProjectFolder, session: Session, schema_hash: str, active: Row[Any]
) -> Mapping[str, Source]:
    key = (schema_hash, active.id, active.newest_source)
    return project_cache(session).get_or_compute(
        _SOURCES, key, lambda: _read(project, session, schema_hash, active)
    )


def _read(
    project: ProjectFolder, session: Session, schema_hash: str, active: Row[Any]
) -> Mapping[str, Source]:
    schema = active_schema(session)
    newest = usable_file(project, session, active.path)
    known = [name for name in newest.codes if answers_all_values(schema, name, newest)] if newest else []
    fallback = {name: newest for name in known if newest}
    reasons = dict.fromkeys(fallback, "No other predictions that can be used answer this attribute.")
    sources = {}
    for name, (entry, predictions) in newest_entries(session, schema_hash).items():
        file = usable_file(project, session, predictions.path)
        if file is not None and answers_all_values(schema, name, file):
            sources[name] = Source(predictions.id, predictions.round_id, file, entry.reason, entry.chosen)
        elif file is None:
            reasons[name] = f"The predictions of {name_of(predictions)} are gone or damaged."
    for name in fallback.keys() - sources.keys():
        sources[name] = Source(active.id, active.round_id, fallback[name], reasons[name], chosen=False)
    return sources


def name_of(predictions: Predictions) -> str:
    """Name predictions within a sentence."""
    if predictions.round_id is not None:
        return f"round {predictions.round_id}"
    return f"the predictions that were imported on {predictions.loaded_at:%Y-%m-%d at %H:%M}"
