"""Images with a suspicious label that are asked once more: which of them still want an answer, and from whom.

They go to a labeller who has not judged the image. A labeller who works alone gets their own images again after a day.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from annotator.database.statements import is_listed
from annotator.domain.states import INDEPENDENT, JUDGED
from annotator.models import (
    Annotation,
    AskedAgain,
    Image,
    Labeller,
    OpinionWanted,
    Skip,
    Submission,
    now,
)
from annotator.services.common.counted import COUNTED
from annotator.services.common.undone import is_undone
from annotator.services.tasks.leases import NOT_LEASED

FORGETTING_TIME = timedelta(days=1)
"""Time after which a labeller who works alone is asked again about an image that they answered themselves."""
ACTIVE_TIME = timedelta(days=30)
"""Time without an answer after which a labeller no longer counts as one who could answer instead."""


def asked_again_among(session: Session, image_ids: Collection[int]) -> set[int]:
    """Choose from some images those that were ever asked again, answered or not."""
    return set(session.connection().scalars(_ASKED_AMONG, {"image_ids": list(image_ids)}))


_ASKED_AMONG = select(AskedAgain.image_id).where(is_listed(AskedAgain.image_id, "image_ids"))


def images_awaiting_relabel(image_ids: Collection[int] | None) -> Select[int, bool]:
    """Select from some images (None: from all) those that were asked again and not judged since, most suspicious first.

    Audit images are never among them, not even images that became audit images later.
    """
    query = (
        select(AskedAgain.image_id, literal(True))
        .join(Image, Image.id == AskedAgain.image_id)
        .where(
            Image.open_cells == 0,
            COUNTED,
            Image.split != "test",
            ~_judged(AskedAgain.image_id, Submission.id > AskedAgain.submission_id),
        )
        .group_by(AskedAgain.image_id)
        .order_by(func.min(AskedAgain.id))
    )
    return query if image_ids is None else query.where(AskedAgain.image_id.in_(image_ids))


def images_to_relabel(session: Session, labeller_id: int, count: int) -> list[int]:
    """Find up to `count` images, by id, with a suspicious label that this labeller may judge, most suspicious first."""
    if not session.connection().scalar(_ANY_WAIT):
        return []
    images = _free(session, labeller_id, _ALWAYS, count)
    if len(images) < count and _alone(session, labeller_id):
        images = _free(session, labeller_id, now() - FORGETTING_TIME, count)
    return images


def _free(session: Session, labeller_id: int, since: datetime, count: int) -> list[int]:
    """Find waiting images that nobody holds and that the labeller neither skipped nor judged after `since`."""
    chosen = {"labeller": labeller_id, "since": since, "count": count}
    return list(session.connection().scalars(_FREE, chosen))


def _alone(session: Session, labeller_id: int) -> bool:
    """Whether no other labeller has answered within `ACTIVE_TIME`."""
    others = {"labeller": labeller_id, "since": now() - ACTIVE_TIME}
    return session.connection().scalar(_OTHERS, others) is None


def _judged(image_id: InstrumentedAttribute[int], by: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a submission that fulfils `by` and was not undone judged the image."""
    return (
        select(Annotation.id)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(
            Annotation.image_id == image_id,
            Submission.kind.in_(JUDGED),
            by,
            ~is_undone(),
        )
        .exists()
    )


_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
_ANY_WAIT = select(exists().where(OpinionWanted.suspected))
_FREE = (
    select(Image.id)
    .join(OpinionWanted, OpinionWanted.image_id == Image.id)
    .where(
        OpinionWanted.suspected,
        Image.open_cells == 0,
        COUNTED,
        Image.split != "test",
        ~_judged(
            Image.id,
            and_(Submission.labeller_id == bindparam("labeller"), Submission.created_at > bindparam("since")),
        ),
        ~exists().where(Skip.image_id == Image.id, Skip.labeller_id == bindparam("labeller")),
        NOT_LEASED,
    )
    .order_by(OpinionWanted.id)
    .limit(bindparam("count"))
)
_OTHERS = (
    select(Labeller.id)
    .where(
        Labeller.id != bindparam("labeller"),
        select(Submission.created_at)
        .where(Submission.labeller_id == Labeller.id, Submission.kind.in_(INDEPENDENT))
        .order_by(Submission.id.desc())
        .limit(1)
        .scalar_subquery()
        > bindparam("since"),
    )
    .limit(1)
)
