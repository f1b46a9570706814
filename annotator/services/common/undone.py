"""The condition that a submission no longer counts."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, or_
from sqlalchemy.orm import InstrumentedAttribute, aliased

from annotator.models import Submission, TakeBackSubmission


def is_undone(submission_id: InstrumentedAttribute[int] = Submission.id) -> ColumnElement[bool]:
    """Whether a later submission undid this one, alone or in a take-back; `~is_undone()` chooses what still counts.

    Args:
        submission_id: the column of the surrounding query with the submission's number.
    """
    later, undo_of_take_back = aliased(Submission), aliased(Submission)
    covered = exists().where(
        TakeBackSubmission.submission_id == submission_id,
        ~exists().where(undo_of_take_back.undoes == TakeBackSubmission.take_back_id),
    )
    return or_(exists().where(later.undoes == submission_id), covered)
