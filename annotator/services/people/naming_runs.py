"""The names that a labeller gave last on the page *People*, and one undo for a whole run of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.states import PERSONAL, SubmissionKind
from annotator.errors import NotFound
from annotator.models import Annotation, Submission, ValueRow
from annotator.services.annotation.take_back import take_back
from annotator.services.annotation.take_back_choice import Selection
from annotator.services.annotation.take_back_effect import Effect
from annotator.services.common.undone import is_undone

_LISTED = 50


@dataclass(frozen=True)
class Naming:
    """A confirmed set. `name`: of its person, None if it named nobody; `images`: how many got an answer."""

    key: str
    created_at: datetime
    name: str | None
    images: int
    undone: bool


def last_namings(session: Session, labeller_id: int) -> list[Naming]:
    """List the labeller's last sets, newest first."""
    sets = (
        select(
            Submission.id,
            Submission.key,
            Submission.created_at,
            is_undone().label("undone"),
        )
        .where(Submission.labeller_id == labeller_id, Submission.kind == SubmissionKind.PEOPLE)
        .order_by(Submission.id.desc())
        .limit(_LISTED)
        .subquery()
    )
    query = (
        select(
            sets.c.key,
            sets.c.created_at,
            func.max(ValueRow.name),
            func.count(Annotation.id),
            sets.c.undone,
        )
        .outerjoin(Annotation, (Annotation.submission_id == sets.c.id) & Annotation.origin.in_(PERSONAL))
        .outerjoin(
            ValueRow,
            (ValueRow.attribute_id == Annotation.attribute_id) & (ValueRow.code == Annotation.code),
        )
        .group_by(sets.c.id, sets.c.key, sets.c.created_at, sets.c.undone)
        .order_by(sets.c.id.desc())
    )
    return [
        Naming(key, created_at, name, images, bool(undone))
        for key, created_at, name, images, undone in session.execute(query)
    ]


def undo_namings_since(session: Session, labeller_id: int, key: str, first_key: str) -> Effect:
    """Undo this set of the labeller and all their later ones, as one submission (a take-back of names).

    A repetition with the same key changes nothing.

    Raises:
        NotFound: if the labeller confirmed no such set, or all of them were undone already.
        Conflict: if the key was used for another request.
    """
    first = session.scalar(
        select(Submission.created_at).where(
            Submission.key == first_key,
            Submission.labeller_id == labeller_id,
            Submission.kind == SubmissionKind.PEOPLE,
        )
    )
    if first is None:
        raise NotFound("unknown_set", f"You confirmed no set {first_key!r}.", do="Load the page again.")
    return take_back(session, labeller_id, key, Selection(labeller_id, since=first, naming=True))
