"""Images with a suspicious label that are asked once more: which still want an answer, and whom they are given to.

Another labeller is asked than those who judged the image. Who works alone is asked again, a day after they judged it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from annotator.domain.states import INDEPENDENT, JUDGED
from annotator.models import (
    Annotation,
    AskedAgain,
    Image,
    Labeller,
    Lease,
    OpinionWanted,
    Skip,
    Submission,
    now,
)
from annotator.services.common.undone import is_undone

FORGOTTEN = timedelta(days=1)
"""After so long somebody who works alone is asked what they answered themselves."""
ACTIVE = timedelta(days=30)
"""Who has answered nothing for so long is not waited for."""


def asked_among(session: Session, image_ids: Collection[int]) -> set[int]:
    """Those of some images that were asked again, whether answered or not."""
    return set(session.connection().scalars(_ASKED_AMONG, {"image_ids": list(image_ids)}))


_ASKED_AMONG = select(AskedAgain.image_id).where(
    AskedAgain.image_id.in_(bindparam("image_ids", expanding=True))
)


def unanswered_suspects(image_ids: Collection[int] | None) -> Select[int, bool]:
    """Of some images (None: of all) those that nobody judged since they were to be asked again, the most suspicious first.

    Audit images are never among them, also if they became such since.
    """
    query = (
        select(AskedAgain.image_id, literal(True))
        .join(Image, Image.id == AskedAgain.image_id)
        .where(
            Image.open_cells == 0,
            Image.split != "test",
            ~_judged(AskedAgain.image_id, Submission.id > AskedAgain.submission_id),
        )
        .group_by(AskedAgain.image_id)
        .order_by(func.min(AskedAgain.id))
    )
    return query if image_ids is None else query.where(AskedAgain.image_id.in_(image_ids))


def images_to_ask_again(session: Session, labeller_id: int, count: int) -> list[int]:
    """Ids of up to `count` images with a suspicious label that this labeller may be asked, the most suspicious first."""
    if not session.connection().scalar(_ANY_WAIT):
        return []
    found = _free(session, labeller_id, _EVER, count)
    if len(found) < count and _alone(session, labeller_id):
        found = _free(session, labeller_id, now() - FORGOTTEN, count)
    return found


def _free(session: Session, labeller_id: int, since: datetime, count: int) -> list[int]:
    """Those that wait, are not skipped or held, and that the labeller has not judged since."""
    chosen = {"labeller": labeller_id, "since": since, "count": count, "now": now()}
    return list(session.connection().scalars(_FREE, chosen))


def _alone(session: Session, labeller_id: int) -> bool:
    """Whether nobody else has labelled lately."""
    others = {"labeller": labeller_id, "since": now() - ACTIVE}
    return session.connection().scalar(_OTHERS, others) is None


def _judged(image_id: InstrumentedAttribute[int], by: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether an image was judged in such a submission that counts."""
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


_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_ANY_WAIT = select(exists().where(OpinionWanted.suspected))
_FREE = (
    select(Image.id)
    .join(OpinionWanted, OpinionWanted.image_id == Image.id)
    .where(
        OpinionWanted.suspected,
        Image.open_cells == 0,
        Image.split != "test",
        ~_judged(
            Image.id,
            and_(Submission.labeller_id == bindparam("labeller"), Submission.created_at > bindparam("since")),
        ),
        ~exists().where(Skip.image_id == Image.id, Skip.labeller_id == bindparam("labeller")),
        ~exists().where(Lease.image_id == Image.id, Lease.expires_at > bindparam("now")),
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
