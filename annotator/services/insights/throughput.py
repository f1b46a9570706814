"""Labelling speed, the remaining work, and which suggestions were accepted, round by round."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import TypeAdapter
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from annotator.domain.metrics.throughput import Answered, active_seconds
from annotator.domain.states import INDEPENDENT, Origin, SubmissionKind
from annotator.models import Annotation, Image, Predictions, Project, Submission, SuggestionSource
from annotator.services.common.cached_stats import Statistics, read_statistics
from annotator.services.common.counted import COUNTED, of_counted_image
from annotator.services.common.undone import is_undone
from annotator.services.rounds.status import label_state
from annotator.services.schema.active import ActiveSchema

RECENT = 10_000
"""The number of newest submissions that the speed is computed from."""

_WORK = (*INDEPENDENT, SubmissionKind.PEOPLE)


@dataclass(frozen=True)
class Day:
    """One day (UTC): the cells answered, and the hours of work on them."""

    day: str
    cells: int
    hours: float


@dataclass(frozen=True)
class Pace:
    """The cells answered and the hours of work on them, in all and by day, and what is still open."""

    cells: int
    hours: float
    open_images: int
    open_cells: int
    days: list[Day]

    @property
    def per_hour(self) -> float | None:
        """Cells per hour of work; None before the first answer."""
        return self.cells / self.hours if self.hours > 0 else None

    @property
    def hours_left(self) -> float | None:
        """The hours of work that the open cells need at this speed."""
        return None if self.per_hour is None else self.open_cells / self.per_hour


def labelling_pace(session: Session) -> Pace:
    """Compute the speed from the newest RECENT submissions that were not undone."""
    recent = (
        select(Submission.id, Submission.labeller_id, Submission.created_at, Submission.milliseconds)
        .where(Submission.kind.in_(_WORK), ~is_undone())
        .order_by(Submission.id.desc())
        .limit(RECENT)
    )
    rows = session.execute(recent).all()[::-1]
    cells: dict[int, int] = {}
    if rows:
        counted = select(Annotation.submission_id, func.count()).where(Annotation.submission_id >= rows[0].id)
        cells = dict(session.execute(counted.group_by(Annotation.submission_id)).all())
    by_labeller: dict[int, list[Answered]] = defaultdict(list)
    for row in rows:
        seconds = None if row.milliseconds is None else row.milliseconds / 1000
        by_labeller[row.labeller_id].append(
            Answered(row.created_at.timestamp(), cells.get(row.id, 0), seconds)
        )
    day_cells: Counter[str] = Counter()
    day_seconds: dict[str, float] = defaultdict(float)
    for answers in by_labeller.values():
        for answer, seconds in zip(answers, active_seconds(answers), strict=True):
            day = datetime.fromtimestamp(answer.moment, UTC).date().isoformat()
            day_cells[day] += answer.cells
            day_seconds[day] += seconds
    images = session.scalars(select(Project.image_count - Project.done_count)).one()
    open_cells = read_statistics(session, OPEN_CELLS).value
    if open_cells is None:
        open_cells = count_open_cells(session)
    days = [Day(day, day_cells[day], day_seconds[day] / 3600) for day in sorted(day_cells)]
    return Pace(day_cells.total(), sum(day.hours for day in days), images, open_cells, days)


def count_open_cells(session: Session) -> int:
    """Count the cells of required attributes without an answer."""
    return session.scalar(select(func.sum(Image.open_cells)).where(Image.open_cells > 0, COUNTED)) or 0


def _open_state(session: Session) -> tuple[str | int | None, ...]:
    return (*label_state(session), session.scalars(select(Project.image_count)).one())


OPEN_CELLS = Statistics("open cells", TypeAdapter(int), _open_state, count_open_cells)


@dataclass(frozen=True)
class Suggestions:
    """The cells in which a suggestion was accepted, and in which it was shown and not accepted."""

    accepted: int = 0
    corrected: int = 0


def suggestions_by_round(session: Session, active: ActiveSchema) -> Mapping[tuple[int, str], Suggestions]:
    """By round and attribute: how many suggestions were accepted and corrected while the round suggested its values."""
    sources = _sources_since(session)
    if not sources:
        return {}
    rows = session.execute(
        select(Submission.created_at, Annotation.attribute_id, Annotation.corrected, func.count())
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(
            or_(Annotation.origin == Origin.SUGGESTION, Annotation.corrected),
            of_counted_image(Annotation.image_id),
            ~is_undone(),
        )
        .group_by(Submission.id, Annotation.attribute_id, Annotation.corrected)
    )
    accepted: Counter[tuple[int, str]] = Counter()
    corrected: Counter[tuple[int, str]] = Counter()
    for moment, attribute, was_corrected, cells in rows:
        starts, rounds = sources.get(attribute, ([], []))
        latest = bisect_right(starts, moment) - 1
        number = rounds[latest] if latest >= 0 else None
        if number is not None:
            (corrected if was_corrected else accepted)[number, active.names[attribute]] += cells
    keys = accepted.keys() | corrected.keys()
    return {key: Suggestions(accepted[key], corrected[key]) for key in keys}


def _sources_since(session: Session) -> dict[int, tuple[list[datetime], list[int | None]]]:
    """Attribute id → when its suggestions began to come from each round; None for imported predictions."""
    sources: dict[int, tuple[list[datetime], list[int | None]]] = defaultdict(lambda: ([], []))
    query = (
        select(SuggestionSource.attribute_id, SuggestionSource.since, Predictions.round_id)
        .join(Predictions, Predictions.id == SuggestionSource.predictions_id)
        .order_by(SuggestionSource.id)
    )
    for attribute, since, number in session.execute(query):
        starts, rounds = sources[attribute]
        starts.append(since)
        rounds.append(number)
    return sources
