"""Which images are labelled blind: no suggestion is shown, so that the answers measure people and models honestly.

These are the audit images (the test split), overlapped images and gold images, and all that are done and asked once more.
Browse shows the suggestions of an image as soon as it is done and is not overlapped and waiting; a gold image, or one with a
suspicious label, then looks like any other.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, bindparam, exists, literal, or_, select
from sqlalchemy.orm import Session

from annotator.models import Gold, Image, OpinionWanted
from annotator.services.tasks.settings import team_settings


def asked_blind(session: Session) -> ColumnElement[bool]:
    """The images that are, or were, given out without suggestions."""
    return _asked_blind(literal(team_settings(session).overlap_end))


def _asked_blind(overlap_end: ColumnElement[int]) -> ColumnElement[bool]:
    is_gold = exists().where(Gold.image_id == Image.id)
    return or_(Image.split == "test", Image.shuffle < overlap_end, is_gold)


def still_blind(session: Session) -> ColumnElement[bool]:
    """The images whose suggestions nobody may see yet."""
    waiting = exists().where(OpinionWanted.image_id == Image.id, ~OpinionWanted.suspected)
    return or_(and_(Image.open_cells > 0, asked_blind(session)), waiting)


_BLIND_AMONG = select(Image.id).where(
    Image.id.in_(bindparam("image_ids", expanding=True)),
    or_(Image.open_cells == 0, _asked_blind(bindparam("overlap_end"))),
)


def blind_among(session: Session, image_ids: Collection[int]) -> set[int]:
    """Those of some images that are given out without suggestions."""
    chosen = {"image_ids": list(image_ids), "overlap_end": team_settings(session).overlap_end}
    return set(session.connection().scalars(_BLIND_AMONG, chosen))


def is_blind(session: Session, image: Image) -> bool:
    """Whether an image's suggestions are held back from everybody who looks at it."""
    return session.scalar(select(Image.id).where(Image.id == image.id, still_blind(session))) is not None
