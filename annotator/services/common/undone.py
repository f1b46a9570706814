"""The conditions that a submission or an annotation no longer counts."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, or_
from sqlalchemy.orm import InstrumentedAttribute, aliased

from annotator.domain.states import Origin
from annotator.models import Annotation, Submission, TakeBackSubmission


def is_undone(
    submission_id: InstrumentedAttribute[int] | InstrumentedAttribute[int | None] = Submission.id,
) -> ColumnElement[bool]:
    """Whether a later submission undid this one, alone or in a take-back; `~is_undone()` chooses what still counts.

    Args:
        submission_id: the column of the surrounding query with the submission's number.
    """
    later = aliased(Submission)
    covered = exists().where(TakeBackSubmission.submission_id == submission_id, ~TakeBackSubmission.lifted)
    return or_(exists().where(later.undoes == submission_id), covered)


def is_cleared(annotation: type[Annotation] = Annotation) -> ColumnElement[bool]:
    """Whether a later clearing of its cell keeps an annotation from counting.

    Args:
        annotation: `Annotation`, or an alias of it in the surrounding query.
    """
    later = aliased(Annotation)
    return exists().where(
        later.image_id == annotation.image_id,
        later.attribute_id == annotation.attribute_id,
        later.id > annotation.id,
        later.origin == Origin.CLEARED,
        ~is_undone(later.submission_id),
    )
