"""Overlap: several people answer a share of the images, so that their agreement can be measured.

Images with the smallest fixed random numbers overlap. The first answer is the label; further answers are opinions. The table
`opinions_wanted` lists the images that too few people have answered, and those with a suspicious label (relabeling.py). Every
answer updates it, so that no request searches all images.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Select, delete, distinct, exists, func, insert, select
from sqlalchemy.orm import Session

from annotator.domain.states import INDEPENDENT
from annotator.models import Annotation, Image, OpinionWanted, Submission
from annotator.services.common.counted import COUNTED
from annotator.services.common.undone import is_undone
from annotator.services.tasks.assigned import EVERYTHING, Reach
from annotator.services.tasks.cursor import first_unanswered, reset_cursors
from annotator.services.tasks.relabeling import asked_again_among, images_awaiting_relabel
from annotator.services.tasks.settings import TeamSettings, team_settings


def images_wanting_opinions(
    session: Session, labeller_id: int, count: int, reach: Reach = EVERYTHING
) -> list[int]:
    """Find up to `count` images, by id, that want an opinion and that this labeller has not answered, longest waiting first."""
    return first_unanswered(session, OpinionWanted, labeller_id, count, reach)


def update_wanted_opinions(session: Session, image_ids: Collection[int]) -> None:
    """Update the list after the answers of some images have changed."""
    if not image_ids:
        return
    settings = team_settings(session)
    chosen = asked_again_among(session, image_ids)
    if settings.overlap_end:
        overlapped = select(Image.id).where(Image.id.in_(image_ids), Image.shuffle < settings.overlap_end)
        chosen |= set(session.scalars(overlapped))
    if chosen:
        list_wanted_opinions(session, settings, chosen)


def rebuild_wanted_opinions(session: Session) -> None:
    """Build the list again from all images, after a change of the settings."""
    list_wanted_opinions(session, team_settings(session), None)
    reset_cursors(session)


def list_wanted_opinions(session: Session, settings: TeamSettings, image_ids: Collection[int] | None) -> None:
    """Put those of some images (None: of all images) that lack an opinion at the end of the list."""
    listed = delete(OpinionWanted)
    if image_ids is not None:
        listed = listed.where(OpinionWanted.image_id.in_(image_ids))
    session.execute(listed)
    if settings.relabel_share:
        columns = ["image_id", "suspected"]
        session.execute(insert(OpinionWanted).from_select(columns, images_awaiting_relabel(image_ids)))
    if settings.overlap_end:
        session.execute(insert(OpinionWanted).from_select(["image_id"], _overlapped(settings, image_ids)))


def _overlapped(settings: TeamSettings, image_ids: Collection[int] | None) -> Select[int]:
    enough = func.count(distinct(Submission.labeller_id)) < settings.overlap_opinions
    query = (
        select(Annotation.image_id)
        .join(Submission, Submission.id == Annotation.submission_id)
        .join(Image, Image.id == Annotation.image_id)
        .where(
            Submission.kind.in_(INDEPENDENT),
            ~is_undone(),
            Image.open_cells == 0,
            COUNTED,
            Image.shuffle < settings.overlap_end,
            ~exists().where(OpinionWanted.image_id == Annotation.image_id),
        )
        .group_by(Annotation.image_id)
        .having(enough)
        .order_by(func.max(Annotation.id))
    )
    return query if image_ids is None else query.where(Annotation.image_id.in_(image_ids))
