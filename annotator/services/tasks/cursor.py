"""The first images of a list that a labeller has not answered, found without looking through the list each time.

A list only grows at its end. What a labeller has answered or put aside stays so, and everything up to the first other
place is remembered as passed; the memory is this process's own and costs one walk after a restart.
"""

from __future__ import annotations

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from annotator.models import Annotation, Gold, Image, Lease, OpinionWanted, Skip, Submission, now
from annotator.project_cache import CacheKind, project_cache

_WINDOW = 256
_PASSED = CacheKind[tuple[str, int], int](size=10_000)
"""By list and labeller: the number up to which everything is answered."""


def first_unanswered(
    session: Session, table: type[OpinionWanted | Gold], labeller_id: int, count: int
) -> list[int]:
    """Ids of up to `count` images of a list that the labeller did not answer or skip and that nobody holds."""
    cache, key = project_cache(session), (table.__tablename__, labeller_id)
    later = aliased(Submission)
    answered = exists().where(
        Annotation.image_id == table.image_id,
        Submission.id == Annotation.submission_id,
        Submission.labeller_id == labeller_id,
        # Who somebody is leaves the rest unanswered, and a change of the schema is no answer.
        Submission.kind.not_in(("undo", "people", "merge", "schema")),
        ~exists().where(later.undoes == Submission.id),
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
    place, contiguous = cache.get(_PASSED, key) or 0, True
    while len(found) < count:
        rows = session.execute(columns.where(table.id > place).order_by(table.id).limit(_WINDOW)).all()
        for number, image, is_passed, is_free in rows:
            place = number
            contiguous = contiguous and bool(is_passed)
            if contiguous:
                cache.put(_PASSED, key, number)
            elif not is_passed and is_free:
                found.append(image)
        if len(rows) < _WINDOW:
            break
    return found[:count]


def forget_passed(session: Session) -> None:
    """Answers were taken back, or a list was made anew: walk it from its head the next time."""
    project_cache(session).clear(_PASSED)
