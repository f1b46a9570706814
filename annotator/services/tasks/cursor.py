"""The first images of a list that a labeller has not answered, found without looking through the list each time.

A list only grows at its end. What a labeller has answered or put aside stays so, and everything up to the first other
place is remembered as passed; the memory is this process's own and costs one walk after a restart.
"""

from __future__ import annotations

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from annotator.domain.states import SubmissionKind
from annotator.models import Annotation, Gold, Image, Lease, OpinionWanted, Project, Skip, Submission, now
from annotator.services.common.undone import is_undone

_WINDOW = 256
_NO_ANSWER = (SubmissionKind.UNDO, SubmissionKind.PEOPLE, SubmissionKind.MERGE, SubmissionKind.SCHEMA)
"""Submissions after which the image still wants this labeller's answer: they say nothing, or only who is in it."""
_passed: dict[tuple[str, str, int], int] = {}
"""Per project, list and labeller: the number up to which everything is answered."""


def first_unanswered(
    session: Session, table: type[OpinionWanted | Gold], labeller_id: int, count: int
) -> list[int]:
    """Ids of up to `count` images of a list that the labeller did not answer or skip and that nobody holds."""
    key = (session.scalars(select(Project.token)).one(), table.__tablename__, labeller_id)
    answered = exists().where(
        Annotation.image_id == table.image_id,
        Submission.id == Annotation.submission_id,
        Submission.labeller_id == labeller_id,
        Submission.kind.not_in(_NO_ANSWER),
        ~is_undone(),
    )
    skipped = exists().where(Skip.image_id == table.image_id, Skip.labeller_id == labeller_id)
    passable = or_(answered, skipped)
    if table is OpinionWanted:  # an open image is in everybody's queue; once it is done it is listed anew
        passable = or_(passable, Image.open_cells > 0)
    free = and_(Image.open_cells == 0, ~exists().where(Lease.image_id == Image.id, Lease.expires_at > now()))
    columns = select(table.id, Image.id, passable, free).join(Image, Image.id == table.image_id)
    if table is OpinionWanted:  # suspicious labels have a share of their own
        columns = columns.where(~OpinionWanted.suspected)
    found: list[int] = []
    place, contiguous = _passed.get(key, 0), True
    while len(found) < count:
        rows = session.execute(columns.where(table.id > place).order_by(table.id).limit(_WINDOW)).all()
        for number, image, is_passed, is_free in rows:
            place = number
            contiguous = contiguous and bool(is_passed)
            if contiguous:
                _passed[key] = number
            elif not is_passed and is_free:
                found.append(image)
        if len(rows) < _WINDOW:
            break
    return found[:count]


def forget_passed() -> None:
    """Answers were taken back, or a list was made anew: walk it from its head the next time."""
    _passed.clear()
