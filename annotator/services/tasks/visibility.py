"""Which images are labelled blind: without suggestions, so that the answers measure people and models without bias.

These are audit images (the test split), overlapped images, gold images, images of an acceptance sample, and done images that are asked again. *Browse* shows
reviewers the suggestions of an image when it is done and waits for no further opinion; those of audit images it never shows.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, bindparam, exists, literal, or_, select
from sqlalchemy.orm import Session

from annotator.database.statements import is_listed
from annotator.models import Gold, Image, OpinionWanted
from annotator.services.common.filled import is_sampled
from annotator.services.tasks.settings import team_settings


def labelled_blind(session: Session) -> ColumnElement[bool]:
    """The condition that an open image is labelled without suggestions."""
    return _asked_blind(literal(team_settings(session).overlap_end))


def _asked_blind(overlap_end: ColumnElement[int]) -> ColumnElement[bool]:
    is_gold = exists().where(Gold.image_id == Image.id)
    return or_(Image.split == "test", Image.shuffle < overlap_end, is_gold, is_sampled())


def still_blind(session: Session) -> ColumnElement[bool]:
    """The condition that nobody may see an image's suggestions yet."""
    waiting = exists().where(OpinionWanted.image_id == Image.id, ~OpinionWanted.suspected)
    return or_(and_(Image.open_cells > 0, labelled_blind(session)), waiting)


_BLIND_AMONG = select(Image.id).where(
    is_listed(Image.id, "image_ids"),
    or_(Image.open_cells == 0, _asked_blind(bindparam("overlap_end"))),
)


def blind_among(session: Session, image_ids: Collection[int]) -> set[int]:
    """Choose from some images those that are given out without suggestions."""
    chosen = {"image_ids": list(image_ids), "overlap_end": team_settings(session).overlap_end}
    return set(session.connection().scalars(_BLIND_AMONG, chosen))


def asked_of_several(session: Session) -> ColumnElement[bool]:
    """The condition that further labellers are or will be asked about an image, so that its label may not be shown to them."""
    waiting = exists().where(OpinionWanted.image_id == Image.id)
    return or_(labelled_blind(session), waiting)


def is_blind(session: Session, image: Image) -> bool:
    """Whether an image's suggestions are hidden from everybody."""
    if image.split == "test":
        return True
    return session.scalar(select(Image.id).where(Image.id == image.id, still_blind(session))) is not None
