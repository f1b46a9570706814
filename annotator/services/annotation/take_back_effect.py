"""What a take-back changes, counted before it changes anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, case, distinct, func, select
from sqlalchemy.orm import Session, aliased

from annotator.domain.states import Origin, SubmissionKind
from annotator.models import Annotation, Image, Label, Submission
from annotator.services.annotation.undo import FOLLOWS, standing_annotation
from annotator.services.common.counted import COUNTED
from annotator.services.common.filled import COVERED, covered_attributes
from annotator.services.schema.active import ActiveSchema, active_schema

ANSWERS = (
    SubmissionKind.ANSWER,
    SubmissionKind.SKIP,
    SubmissionKind.SWEEP,
    SubmissionKind.REVIEW,
    SubmissionKind.PEOPLE,
    SubmissionKind.SPLIT,
    SubmissionKind.IMPORT,
    SubmissionKind.AGGREGATE,
)
"""Submissions with answers. Changes of people and of the schema are undone where they were made."""
_PEOPLE_CHANGES = (SubmissionKind.RENAME, SubmissionKind.MERGE)
_BATCH = 10_000


@dataclass(frozen=True)
class Effect:
    """What a take-back changes.

    Args:
        submissions: how many submissions no longer count.
        answers: their answers, those that were no label included.
        images: the images of these answers.
        opened: cells that lose their label.
        restored: cells that fall back to an earlier answer.
        reopened: done images that come back into the queue.
        people_changes: new names and merges of people in the selection, which stay.
        aggregated: labels from an aggregation that used these answers; they stay until the next aggregation.
    """

    submissions: int
    answers: int
    images: int
    opened: int
    restored: int
    reopened: int
    people_changes: int
    aggregated: int


class _CellChange(NamedTuple):
    """A cell that changes: its next code, unless it is open again."""

    image_id: int
    attribute_id: int
    code: int | None
    is_open: bool


def effect_of(session: Session, chosen: ColumnElement[bool]) -> Effect:
    """Count what changes if the chosen submissions no longer count."""
    answers = and_(chosen, Submission.kind.in_(ANSWERS))
    submissions = session.scalar(select(func.count()).select_from(Submission).where(answers))
    people = and_(chosen, Submission.kind.in_(_PEOPLE_CHANGES))
    number, images = session.execute(
        select(func.count(), func.count(distinct(Annotation.image_id)))
        .select_from(Annotation)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(answers)
    ).one()
    active = active_schema(session)
    changes = _cell_changes(session, active, answers)
    opened = sum(change.is_open for change in changes)
    return Effect(
        submissions=submissions or 0,
        answers=number,
        images=images,
        opened=opened,
        restored=len(changes) - opened,
        reopened=_count_reopened(session, active, changes),
        people_changes=session.scalar(select(func.count()).select_from(Submission).where(people)) or 0,
        aggregated=_count_aggregated(session, answers),
    )


def _cell_changes(session: Session, active: ActiveSchema, answers: ColumnElement[bool]) -> list[_CellChange]:
    """What becomes of the cells whose label rests on the chosen answers.

    Args:
        session: a session.
        active: the active schema.
        answers: the chosen submissions, as a condition on `Submission`.
    """
    cells = (
        select(Annotation.image_id, Annotation.attribute_id)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(answers)
        .distinct()
        .subquery()
    )
    standing = (
        select(
            Label.image_id,
            Label.attribute_id,
            case(
                (FOLLOWS, standing_annotation(Label.image_id, Label.attribute_id).scalar_subquery()),
                else_=Label.annotation_id,
            ).label("annotation_id"),
        )
        .select_from(cells)
        .join(Label, (Label.image_id == cells.c.image_id) & (Label.attribute_id == cells.c.attribute_id))
        .join(Annotation, Annotation.id == Label.annotation_id)
        .join(Submission, Submission.id == Annotation.submission_id)
        .subquery()
    )
    earlier = standing_annotation(standing.c.image_id, standing.c.attribute_id, ~answers).scalar_subquery()
    next_one = aliased(Annotation)
    query = (
        select(standing.c.image_id, standing.c.attribute_id, next_one.code, next_one.origin)
        .join(Annotation, Annotation.id == standing.c.annotation_id)
        .join(Submission, Submission.id == Annotation.submission_id)
        .outerjoin(next_one, next_one.id == earlier)
        .where(answers)
    )
    changes = []
    for image, attribute, code, origin in session.execute(query):
        current = active.replaced.get((attribute, code), code)
        split = code is not None and current is None
        is_open = origin is None or origin == Origin.CLEARED or split
        changes.append(_CellChange(image, attribute, current, is_open))
    return changes


def _count_reopened(session: Session, active: ActiveSchema, changes: list[_CellChange]) -> int:
    """Count the done images that are open again after the changes."""
    by_image: dict[int, list[_CellChange]] = {}
    for change in changes:
        by_image.setdefault(change.image_id, []).append(change)
    images, reopened = sorted(by_image), 0
    for start in range(0, len(images), _BATCH):
        query = (
            select(Label.image_id, Label.attribute_id, Label.code, COVERED)
            .join(Image, Image.id == Label.image_id)
            .where(Image.open_cells == 0, COUNTED, Label.image_id.in_(images[start : start + _BATCH]))
        )
        labels: dict[int, dict[int, int | None]] = {}
        covered: dict[int, str | None] = {}
        for image, attribute, code, covered[image] in session.execute(query):
            labels.setdefault(image, {})[attribute] = code
        for image, its_labels in labels.items():
            for change in by_image[image]:
                its_labels[change.attribute_id] = change.code
                if change.is_open:
                    del its_labels[change.attribute_id]
            reopened += active.open_cells(its_labels, covered_attributes(covered[image])) > 0
    return reopened


def _count_aggregated(session: Session, answers: ColumnElement[bool]) -> int:
    """Count the labels of aggregations, not chosen themselves, in cells of the chosen answers."""
    if session.scalar(select(Annotation.id).where(Annotation.origin == Origin.AGGREGATE).limit(1)) is None:
        return 0
    label = aliased(Annotation)
    query = (
        select(Label.annotation_id)
        .join(label, (label.id == Label.annotation_id) & (label.origin == Origin.AGGREGATE))
        .join(
            Annotation,
            (Annotation.image_id == Label.image_id) & (Annotation.attribute_id == Label.attribute_id),
        )
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(answers, Annotation.origin != Origin.AGGREGATE)
        .distinct()
    )
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0
