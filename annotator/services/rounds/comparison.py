"""What a round changed: its figures against those of the round before, its answers, and the head of the queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.metrics.audit import Measured, difference
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Annotation, Predictions, Project
from annotator.project import ProjectFolder
from annotator.services.common.cached_stats import remember_statistics
from annotator.services.common.round_artifacts import REPORT
from annotator.services.grouping.membership import split_rule
from annotator.services.rounds.audit_set import measure_answers, read_audit_set
from annotator.services.rounds.jobs import get_round
from annotator.services.rounds.metrics import as_told, changed_answers, honest_answers, open_if_there
from annotator.services.rounds.promotion import predictions_of
from annotator.services.schema.active import ActiveSchema, active_schema

HEAD = 100
"""Places of the queue that are compared."""

_FARTHEST = 2000
"""Places of the older queue that are looked through for images that still wait."""

Difference = tuple[float, float | None, float | None]
"""Value, and the ends of its 95 % interval."""


@dataclass(frozen=True)
class AttributeChange:
    """The figure of one attribute now and before, on the same audit labels, and the difference with an interval of its own."""

    attribute: str
    now: Measured
    before: Measured | None
    difference: Difference | None
    changed: float | None


@dataclass(frozen=True)
class RoundChanges:
    """What changed since the round `previous` (None: it is the first one).

    Args:
        previous: number of the round before, if its predictions are still there.
        attributes: in schema order.
        head: places at the head of the queue that were compared.
        new_in_head: images among these that were not at the head of the older queue, leaving out what is labelled since.
    """

    previous: int | None
    attributes: list[AttributeChange]
    head: int
    new_in_head: int | None


def round_changes(
    project: ProjectFolder, session: Session, number: int, head: int = HEAD
) -> RoundChanges | None:
    """Compare a round with the one before it, and the first `head` places of their queues; None if its predictions are gone.

    Raises:
        NotFound: if there is no such round.
    """
    get_round(session, number)
    found = predictions_of(session, number)
    if found is None:
        return None
    older = session.scalar(
        select(Predictions)
        .where(Predictions.id < found.id, Predictions.round_id.is_not(None))
        .order_by(Predictions.id.desc())
        .limit(1)
    )
    active = active_schema(session)
    state = (
        active.hash,
        session.scalar(select(func.max(Annotation.id))),
        session.scalar(select(Project.split_seed)),
    )
    return remember_statistics(
        session,
        f"changes of round {number}, {head} places",
        state,
        lambda: _compare(project, session, active, found, older, head),
    )


def report_page(project: ProjectFolder, session: Session, number: int) -> Path | None:
    """The page about a round's training, as `trainer report` writes it into the run's folder; None if there is none."""
    found = predictions_of(session, number)
    if found is None:
        return None
    page = (project.path / found.path).parent / REPORT
    return page if page.is_file() else None


def _compare(
    project: ProjectFolder,
    session: Session,
    active: ActiveSchema,
    found: Predictions,
    older: Predictions | None,
    head: int,
) -> RoundChanges | None:
    file = open_if_there(project.path / found.path)
    if file is None:
        return None
    before = open_if_there(project.path / older.path) if older else None
    audit, seed = read_audit_set(session, active), split_rule(session).seed
    figures: list[Mapping[str, Measured]] = [
        {
            name: measure_answers(answers, audit)
            for name, answers in honest_answers(each, active, audit, seed).items()
        }
        if each
        else {}
        for each in (file, before)
    ]
    if not figures[0]:
        figures = [as_told(get_round(session, found.round_id or 0), gone=False), {}]
    changed = changed_answers(project, session, active, [older.path, found.path]) if older and before else {}
    attributes = [
        AttributeChange(
            name,
            figures[0][name],
            figures[1].get(name),
            difference(figures[0][name], figures[1][name]) if name in figures[1] else None,
            changed.get(name),
        )
        for name in active.names.values()
        if name in figures[0]
    ]
    first = file.order(0, head)
    return RoundChanges(
        older.round_id if older and before else None,
        attributes,
        len(first),
        len(set(first) - set(_still_waiting(before, file, head))) if before else None,
    )


def _still_waiting(before: PredictionsFile, now: PredictionsFile, head: int) -> list[str]:
    """The head of the older queue, without the images that were labelled before the newer one was made."""
    waiting: list[str] = []
    for start in range(0, _FARTHEST, head):
        names = before.order(start, head)
        waiting += [name for name in names if now.waits(name)]
        if len(names) < head or len(waiting) >= head:
            break
    return waiting[:head]
