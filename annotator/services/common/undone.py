"""The condition that a submission was undone."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import InstrumentedAttribute, aliased

from annotator.models import Submission


def is_undone(submission_id: InstrumentedAttribute[int] = Submission.id) -> ColumnElement[bool]:
    """Whether a later submission undid this one; `~is_undone()` chooses what still counts.

    Args:
        submission_id: the column of the surrounding query with the submission's number.
    """
    later = aliased(Submission)
    return exists().where(later.undoes == submission_id)
