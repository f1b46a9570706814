"""Change the labels of a value that is merged into another one or split into several."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Integer, case, delete, func, insert, literal, select, update
from sqlalchemy.orm import Session

from annotator.domain.schema_changes import Change
from annotator.domain.states import Origin
from annotator.models import Annotation, AttributeRow, Gold, Label, SearchedImage
from annotator.services.tasks.cursor import reset_cursors
from annotator.services.tasks.overlap import update_wanted_opinions

_BATCH = 10_000


def replace_value(session: Session, submission_id: int, change: Change) -> None:
    """Change all labels of a value to the one that it was merged into, or open their cells again after a split.

    One statement changes all cells, of which there may be a million. A reviewer's decision stays a decision.
    """
    attribute_id = session.scalars(select(AttributeRow.id).where(AttributeRow.name == change.attribute)).one()
    chosen = (Label.attribute_id == attribute_id, Label.code == change.code)
    images = list(session.scalars(select(Label.image_id).where(*chosen)))
    code = change.into[0] if change.kind == "merge" else None
    origin = case((Annotation.origin == Origin.REVIEW, Origin.REVIEW), else_=Origin.SCHEMA)
    cells = (
        select(
            literal(submission_id),
            Label.image_id,
            Label.attribute_id,
            literal(code, Integer),
            origin if change.kind == "merge" else literal(Origin.REOPENED),
        )
        .join(Annotation, Annotation.id == Label.annotation_id)
        .where(*chosen)
    )
    columns = ["submission_id", "image_id", "attribute_id", "code", "origin"]
    session.execute(insert(Annotation).from_select(columns, cells.order_by(Label.image_id)))
    if change.kind == "merge":
        newest = (
            select(func.max(Annotation.id))
            .where(Annotation.image_id == Label.image_id, Annotation.attribute_id == attribute_id)
            .where(Annotation.submission_id == submission_id)
            .scalar_subquery()
        )
        session.execute(update(Label).where(*chosen).values(code=code, annotation_id=newest))
    else:
        session.execute(delete(Label).where(*chosen))
    # What was ruled out while people searched for a value may have what the value stands for now.
    session.execute(delete(SearchedImage).where(SearchedImage.attribute_id == attribute_id))
    session.expire_all()
    _change_gold(session, attribute_id, change.code, code)
    if change.kind == "split":
        for some in _batches(images):
            update_wanted_opinions(session, some)
        reset_cursors(session)


def _change_gold(session: Session, attribute_id: int, code: int | None, into: int | None) -> None:
    """Change the known answers of gold images too; an answer whose value was split is removed."""
    for gold in session.scalars(select(Gold)).all():
        answers = [
            [attribute, into if (attribute, answer) == (attribute_id, code) else answer]
            for attribute, answer in gold.answers
            if into is not None or (attribute, answer) != (attribute_id, code)
        ]
        if not answers:
            session.delete(gold)
        elif answers != gold.answers:
            gold.answers = answers
    session.flush()


def _batches(numbers: list[int]) -> Iterable[list[int]]:
    for start in range(0, len(numbers), _BATCH):
        yield numbers[start : start + _BATCH]
