"""Overlap: a share of the images is answered by several people, so that their agreement can be measured.

Which images: those with the smallest fixed random numbers. The first answer is the label, the further ones are kept as
opinions. `opinions_wanted` lists the images that are answered, but not by enough people; it is kept with every
answer, so that nobody looks for them among all images.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, distinct, exists, func, insert, select
from sqlalchemy.orm import Session, aliased

from annotator.models import Annotation, Image, OpinionWanted, Submission
from annotator.services.team_settings import TeamSettings, team_settings
from annotator.services.unanswered import first_unanswered, forget_passed

INDEPENDENT = ("answer", "sweep")
"""Submissions in which somebody judged for themselves; a correction is made in sight of what others said."""


def images_wanting_opinions(session: Session, labeller_id: int, count: int) -> list[int]:
    """Ids of up to `count` images that need an opinion of somebody who has not answered them; the longest waiting first."""
    return first_unanswered(session, OpinionWanted, labeller_id, count)


def note_answers(session: Session, image_ids: Collection[int]) -> None:
    """Some images' answers have changed: want another opinion on them, or no more."""
    settings = team_settings(session)
    if not settings.overlap_end or not image_ids:
        return
    chosen = select(Image.id).where(Image.id.in_(image_ids), Image.shuffle < settings.overlap_end)
    if overlapped := set(session.scalars(chosen)):
        _want(session, settings, overlapped)


def want_anew(session: Session) -> None:
    """After a change of the settings: look through all images once."""
    session.execute(delete(OpinionWanted))
    _want(session, team_settings(session), None)
    forget_passed()


def _want(session: Session, settings: TeamSettings, image_ids: Collection[int] | None) -> None:
    """List those of some images (None: of all) that lack an opinion, as the last ones."""
    later = aliased(Submission)
    enough = func.count(distinct(Submission.labeller_id)) < settings.overlap_opinions
    query = (
        select(Annotation.image_id)
        .join(Submission, Submission.id == Annotation.submission_id)
        .join(Image, Image.id == Annotation.image_id)
        .where(
            Submission.kind.in_(INDEPENDENT),
            ~exists().where(later.undoes == Submission.id),
            Image.open_cells == 0,
            Image.shuffle < settings.overlap_end,
        )
        .group_by(Annotation.image_id)
        .having(enough)
        .order_by(func.max(Annotation.id))
    )
    if image_ids is not None:
        query = query.where(Annotation.image_id.in_(image_ids))
        session.execute(delete(OpinionWanted).where(OpinionWanted.image_id.in_(image_ids)))
    session.execute(insert(OpinionWanted).from_select(["image_id"], query))
