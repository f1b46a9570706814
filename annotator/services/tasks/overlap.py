"""Overlap: a share of the images is answered by several people, so that their agreement can be measured.

Which images: those with the smallest fixed random numbers. The first answer is the label, the further ones are kept as
opinions. `opinions_wanted` lists the images that are answered, but not by enough people, and those with a suspicious label
(services/tasks/relabeling); it is kept with every answer, so that nobody looks for them among all images.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Select, delete, distinct, exists, func, insert, select
from sqlalchemy.orm import Session, aliased

from annotator.models import Annotation, Image, OpinionWanted, Submission
from annotator.services.tasks.cursor import first_unanswered, forget_passed
from annotator.services.tasks.relabeling import asked_among, unanswered_suspects
from annotator.services.tasks.settings import TeamSettings, team_settings

INDEPENDENT = ("answer", "sweep")
"""Submissions in which somebody judged for themselves; a correction is made in sight of what others said."""


def images_wanting_opinions(session: Session, labeller_id: int, count: int) -> list[int]:
    """Ids of up to `count` images that need an opinion of somebody who has not answered them; the longest waiting first."""
    return first_unanswered(session, OpinionWanted, labeller_id, count)


def note_answers(session: Session, image_ids: Collection[int]) -> None:
    """Some images' answers have changed: want another opinion on them, or no more."""
    if not image_ids:
        return
    settings = team_settings(session)
    chosen = asked_among(session, image_ids)
    if settings.overlap_end:
        overlapped = select(Image.id).where(Image.id.in_(image_ids), Image.shuffle < settings.overlap_end)
        chosen |= set(session.scalars(overlapped))
    if chosen:
        want(session, settings, chosen)


def want_anew(session: Session) -> None:
    """After a change of the settings: look through all images once."""
    want(session, team_settings(session), None)
    forget_passed(session)


def want(session: Session, settings: TeamSettings, image_ids: Collection[int] | None) -> None:
    """List those of some images (None: of all) that lack an opinion, as the last ones."""
    listed = delete(OpinionWanted)
    if image_ids is not None:
        listed = listed.where(OpinionWanted.image_id.in_(image_ids))
    session.execute(listed)
    if settings.relabel_share:
        columns = ["image_id", "suspected"]
        session.execute(insert(OpinionWanted).from_select(columns, unanswered_suspects(image_ids)))
    if settings.overlap_end:
        session.execute(insert(OpinionWanted).from_select(["image_id"], _overlapped(settings, image_ids)))


def _overlapped(settings: TeamSettings, image_ids: Collection[int] | None) -> Select[int]:
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
            ~exists().where(OpinionWanted.image_id == Annotation.image_id),
        )
        .group_by(Annotation.image_id)
        .having(enough)
        .order_by(func.max(Annotation.id))
    )
    return query if image_ids is None else query.where(Annotation.image_id.in_(image_ids))
