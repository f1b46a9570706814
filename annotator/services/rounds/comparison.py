"""Compare a round with the previous one: metrics, answers, and the head of the queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.metrics.audit import Measured, difference
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Annotation, Image, Predictions, Project, Round
from annotator.project import ProjectFolder
from annotator.services.common.cached_stats import remember_statistics
from annotator.services.common.counted import COUNTED, counted_state
from annotator.services.common.round_artifacts import REPORT
from annotator.services.grouping.membership import split_rule
from annotator.services.rounds.audit_set import measure_answers, read_audit_set
from annotator.services.rounds.jobs import get_round
from annotator.services.rounds.metrics import (
    changed_share,
    held_out_answers,
    open_predictions,
    reported_metrics,
)
from annotator.services.rounds.promotion import predictions_of
from annotator.services.schema.active import ActiveSchema, active_schema

HEAD = 100
"""How many images at the head of the queue are compared."""

_FARTHEST = 2000
"""How far into the older queue to look for images that are still unlabelled."""

Difference = tuple[float, float | None, float | None]
"""A value and the ends of its 95 % interval."""


@dataclass(frozen=True)
class AttributeChange:
    """The metrics of one attribute in both rounds on the same audit labels, and their difference with its interval.

    `changed`: the share of answers that changed.
    """

    attribute: str
    now: Measured
    before: Measured | None
    difference: Difference | None
    changed: float | None


@dataclass(frozen=True)
class RoundChanges:
    """What a round changed.

    Args:
        previous: the number of the previous round; None if there is none or its predictions are gone.
        attributes: the attributes in schema order.
        head: how many images at the head of the queue were compared; 0 if the round was pruned.
        new_in_head: how many of these were not at the head of the older queue, ignoring images labelled since; None if one of
            the rounds was pruned.
    """

    previous: int | None
    attributes: list[AttributeChange]
    head: int
    new_in_head: int | None


def round_changes(
    project: ProjectFolder, session: Session, number: int, head: int = HEAD
) -> RoundChanges | None:
    """Compare a round with the previous one, and the first `head` images of their queues; None if its predictions are gone.

    Raises:
        NotFound: if there is no such round.
    """
    get_round(session, number)
    newer = predictions_of(session, number)
    if newer is None:
        return None
    older = session.scalar(
        select(Predictions)
        .where(Predictions.id < newer.id, Predictions.round_id.is_not(None))
        .order_by(Predictions.id.desc())
        .limit(1)
    )
    active = active_schema(session)
    state = (
        active.hash,
        session.scalar(select(func.max(Annotation.id))),
        counted_state(session),
        session.scalar(select(Project.split_seed)),
        session.scalar(select(func.count(Round.pruned_at))),
    )
    return remember_statistics(
        session,
        f"changes of round {number}, {head} places",
        state,
        lambda: _compare(project, session, active, newer, older, head),
    )


def report_page(project: ProjectFolder, session: Session, number: int) -> Path | None:
    """The report of a round's training that `trainer report` wrote into the run's folder; None if there is none."""
    predictions = predictions_of(session, number)
    if predictions is None:
        return None
    page = (project.path / predictions.path).parent / REPORT
    return page if page.is_file() else None


def _compare(
    project: ProjectFolder,
    session: Session,
    active: ActiveSchema,
    newer: Predictions,
    older: Predictions | None,
    head: int,
) -> RoundChanges | None:
    file = open_predictions(project.path / newer.path)
    if file is None:
        return None
    before = open_predictions(project.path / older.path) if older else None
    audit, seed = read_audit_set(session, active), split_rule(session).seed
    metrics: list[Mapping[str, Measured]] = [
        {
            name: measure_answers(answers, audit)
            for name, answers in held_out_answers(each, active, audit, seed).items()
        }
        if each
        else {}
        for each in (file, before)
    ]
    if not metrics[0]:
        metrics = [reported_metrics(get_round(session, newer.round_id or 0), gone=False), {}]
    changed = changed_share(project, session, active, [older.path, newer.path]) if older and before else {}
    attributes = [
        AttributeChange(
            name,
            metrics[0][name],
            metrics[1].get(name),
            difference(metrics[0][name], metrics[1][name]) if name in metrics[1] else None,
            changed.get(name),
        )
        for name in active.names.values()
        if name in metrics[0]
    ]
    excluded = set(session.scalars(select(Image.name).where(~COUNTED)))
    first = [name for name in file.order(0, head) if name not in excluded]
    return RoundChanges(
        older.round_id if older and before else None,
        attributes,
        len(first),
        None
        if before is None or before.is_pruned or file.is_pruned
        else len(set(first) - set(_unlabelled_head(before, file, head))),
    )


def _unlabelled_head(before: PredictionsFile, now: PredictionsFile, head: int) -> list[str]:
    """The head of the older queue, without the images that were labelled before the newer queue was made."""
    unlabelled: list[str] = []
    for start in range(0, _FARTHEST, head):
        names = before.order(start, head)
        unlabelled += [name for name in names if now.waits(name)]
        if len(names) < head or len(unlabelled) >= head:
            break
    return unlabelled[:head]
