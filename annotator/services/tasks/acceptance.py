"""Images of acceptance samples in the queue: everybody gets them before ordinary images, and they look like audit images.

A certificate fills cells only once its sample is answered, so most of the tasks come from it while it waits. An ordinary image
now and then keeps a labeller from knowing which of their blind images belong to it.
"""

from __future__ import annotations

from sqlalchemy import and_, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from annotator.domain.states import CertificateState
from annotator.models import (
    AttributeRow,
    Certificate,
    CertificateSample,
    Image,
    Label,
    Skip,
    Submission,
)
from annotator.services.common.counted import COUNTED
from annotator.services.common.undone import is_undone
from annotator.services.tasks.assigned import Reach
from annotator.services.tasks.leases import NOT_LEASED

SAMPLE_SHARE = 0.75
"""The fraction of the tasks that come from acceptance samples, as long as cells of them wait."""


def sampled_images(session: Session, labeller_id: int, reach: Reach, count: int) -> list[int]:
    """Find images of acceptance samples, by id, that wait for an answer and that the labeller neither skipped nor answered.

    Args:
        session: a session.
        labeller_id: the labeller.
        reach: which images are for them.
        count: how many are wanted at most.
    """
    query = _WAITING.where(reach.allows()) if reach.is_limited else _WAITING
    return list(session.connection().scalars(query, {"labeller": labeller_id, "count": count}))


_answered_since = exists().where(
    Submission.image_id == CertificateSample.image_id,
    Submission.labeller_id == bindparam("labeller"),
    Submission.created_at >= Certificate.drawn_at,
    ~is_undone(),
)
_sampled = (
    select(CertificateSample.image_id)
    .join(Certificate, Certificate.id == CertificateSample.certificate_id)
    .join(AttributeRow, AttributeRow.id == Certificate.attribute_id)
    .where(
        Certificate.state == CertificateState.SAMPLING,
        CertificateSample.image_id == Image.id,
        ~exists().where(
            Label.image_id == CertificateSample.image_id, Label.attribute_id == Certificate.attribute_id
        ),
        # An image that a value has ended wants no further answer.
        or_(Image.open_cells > 0, ~AttributeRow.required),
        ~_answered_since,
    )
    .correlate(Image)
)
_in_sample = select(CertificateSample.image_id).join(
    Certificate,
    and_(Certificate.id == CertificateSample.certificate_id, Certificate.state == CertificateState.SAMPLING),
)
_WAITING = (
    select(Image.id)
    .where(
        Image.id.in_(_in_sample),
        COUNTED,
        NOT_LEASED,
        ~exists().where(Skip.image_id == Image.id, Skip.labeller_id == bindparam("labeller")),
        _sampled.exists(),
    )
    .order_by(Image.shuffle, Image.id)
    .limit(bindparam("count"))
)
