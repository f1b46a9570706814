"""The state of a project, as `facelabel status` and the API report it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.schema import CANNOT_TELL
from annotator.domain.states import JobState
from annotator.domain.timestamps import utc_text
from annotator.models import Annotation, Image, Label, Predictions, Round
from annotator.project import ProjectFolder
from annotator.services.common.cached_stats import Statistics, read_statistics
from annotator.services.common.claims import list_workers
from annotator.services.common.counted import COUNTED, counted_state, of_counted_image
from annotator.services.common.progress import read_progress
from annotator.services.predictions.active import read_sources, round_in_use
from annotator.services.rounds.jobs import list_rounds
from annotator.services.schema.active import active_schema

Counts = dict[str, dict[str, Any]]
"""Per attribute: `labelled` cells, and `values`: images per code ("-1" means "can't tell"), or `people` for an open attribute."""


def attribute_counts(session: Session) -> tuple[Counts, datetime | None]:
    """The counts, and when the worker made them: None if they are current."""
    statistics = read_statistics(session, COUNTS)
    # Until the worker has counted, the request counts: a second for a million labelled images.
    return (
        (count_labels(session), None)
        if statistics.value is None
        else (statistics.value, statistics.counted_at)
    )


def count_labels(session: Session) -> Counts:
    """Count the labels now."""
    active = active_schema(session)
    # Grouping in the order of an index without a join counts a million images in half a second.
    query = select(Label.attribute_id, Label.code, func.count()).where(of_counted_image(Label.image_id))
    counts: dict[str, dict[int, int]] = {}
    for number, code, images in session.execute(query.group_by(Label.attribute_id, Label.code)):
        counts.setdefault(active.names[number], {})[CANNOT_TELL if code is None else code] = images
    result: Counts = {}
    for attribute in active.schema.attributes:
        by_code = counts.get(attribute.name, {})
        entry: dict[str, Any] = {"labelled": sum(by_code.values())}
        if attribute.kind == "open":
            entry["people"] = len(set(by_code) - {CANNOT_TELL})
        else:
            entry["values"] = {str(code): number for code, number in sorted(by_code.items())}
        result[attribute.name] = entry
    return result


def label_state(session: Session) -> tuple[str | int | None, ...]:
    """A state that changes with the schema, with every answer, and with every excluded or restored image."""
    newest = session.scalar(select(func.max(Annotation.id)))
    return (active_schema(session).hash, newest, counted_state(session))


COUNTS = Statistics("labels", TypeAdapter(Counts), label_state, count_labels)


def audit_counts(session: Session) -> dict[str, Any]:
    """The number of images in the audit set (the test split), and how many of them are labelled, per attribute."""
    images = session.scalar(select(func.count()).where(Image.split == "test", of_counted_image(Image.id)))
    query = (
        select(Label.attribute_id, func.count())
        .join(Image, Image.id == Label.image_id)
        .where(Image.split == "test", COUNTED)
        .group_by(Label.attribute_id)
    )
    counts = dict(session.execute(query).all())
    names = active_schema(session).names
    return {"images": images, "labelled": {name: counts.get(number, 0) for number, name in names.items()}}


def workers_summary(session: Session) -> list[dict[str, Any]]:
    """The workers of the project in plain values: their kinds of work (none: a command), and what each does since when."""
    return [
        {
            "name": worker.name,
            "kinds": worker.kinds,
            "started_at": utc_text(worker.started_at),
            "seen_at": utc_text(worker.seen_at),
            "does": [{"work": name, "since": utc_text(since)} for name, since in worker.claims],
        }
        for worker in list_workers(session)
    ]


def read_status(project: ProjectFolder, session: Session) -> dict[str, Any]:
    """Counts, splits, rounds, workers, and the newest round's metrics per attribute."""
    progress = read_progress(session, labeller_id=0)
    splits = dict(
        session.execute(
            select(Image.split, func.count()).where(of_counted_image(Image.id)).group_by(Image.split)
        ).all()
    )
    predictions = session.scalar(
        select(Predictions).order_by(Predictions.turn.desc(), Predictions.id.desc()).limit(1)
    )
    rounds = list_rounds(session)
    newest = next((row for row in rounds if row.state == JobState.DONE), None)
    return {
        "images": progress.images,
        "done": progress.done,
        "open": progress.open,
        "excluded": session.scalar(select(func.count()).select_from(Image).where(~COUNTED)) or 0,
        "being_labelled": progress.held_by_others,
        "splits": splits,
        "attributes": count_labels(session),
        "audit": audit_counts(session),
        "rounds": [round_summary(row) for row in rounds],
        "workers": workers_summary(session),
        "metrics": newest.metrics if newest else None,
        "suggestions": suggestion_sources(project, session),
        "predictions": {"path": predictions.path, "rows": predictions.rows, "unknown": predictions.unknown}
        if predictions
        else None,
    }


def round_details(project: ProjectFolder, session: Session, rows: Sequence[Round]) -> list[dict[str, Any]]:
    """Rounds in plain values, with `in_use`: whether they give the order of work, and `suggests`: for which attributes."""
    used = round_in_use(session, active_schema(session).hash)
    suggests: dict[int, list[str]] = {}
    for source in suggestion_sources(project, session):
        if source["round"] is not None:
            suggests.setdefault(source["round"], []).append(source["attribute"])
    return [
        round_summary(row) | {"in_use": row.id == used, "suggests": suggests.get(row.id, [])} for row in rows
    ]


def suggestion_sources(project: ProjectFolder, session: Session) -> list[dict[str, Any]]:
    """Which round suggests the values of each attribute, and why, in schema order; `round`: null if they were imported."""
    active = active_schema(session)
    sources = read_sources(project, session, active.hash)
    return [
        {"attribute": name, "round": source.round, "reason": source.reason, "chosen": source.chosen}
        for name in active.names.values()
        if (source := sources.get(name))
    ]


def round_summary(row: Round) -> dict[str, Any]:
    """A round in plain values, as the API and `facelabel status` report it."""
    return {
        "id": row.id,
        "state": row.state,
        "engine": row.engine,
        "strategy": row.strategy,
        "automatic": row.automatic,
        "stage": row.stage,
        "done": row.done,
        "total": row.total,
        "message": row.message,
        "error": row.error,
        "attempts": row.attempts,
        "labelled": row.labelled,
        "features": row.features,
        "network": row.network,
        "features_reason": row.features_reason,
        "processes": row.processes,
        "metrics": row.metrics,
        "pruned_bytes": row.pruned_bytes,
        **{
            name: utc_text(moment) if moment else None
            for name, moment in (
                ("created_at", row.created_at),
                ("started_at", row.started_at),
                ("finished_at", row.finished_at),
                ("pruned_at", row.pruned_at),
            )
        },
    }
