"""Images that a labeller skipped: they come back when nothing else is left, or when the labeller asks for them.

A skip stays recorded with its reason after the image has come back. An image that was skipped twice does not come back
automatically, so that a labeller is not given the same image for ever.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.states import SubmissionKind
from annotator.models import Image, Lease, Skip, Submission, now
from annotator.services.common.counted import COUNTED
from annotator.services.common.undone import is_undone
from annotator.services.tasks.assigned import read_reach
from annotator.services.tasks.leases import NOT_LEASED


def count_skipped(session: Session, labeller_id: int) -> int:
    """Count the open images that a labeller skipped and does not hold again."""
    held = select(Lease.image_id).where(
        Lease.image_id == Image.id, Lease.labeller_id == labeller_id, Lease.expires_at > now()
    )
    query = (
        select(func.count())
        .select_from(Skip)
        .join(Image, Image.id == Skip.image_id)
        .where(Skip.labeller_id == labeller_id, Image.open_cells > 0, COUNTED, ~held.exists())
        .where(read_reach(session, labeller_id).allows())
    )
    return session.scalar(query) or 0


def skipped_images(session: Session, labeller_id: int, count: int, *, once: bool = False) -> list[int]:
    """Find open images, by id, that a labeller skipped and that nobody holds.

    Args:
        session: a session.
        labeller_id: the labeller.
        count: how many are wanted at most.
        once: leave out those that the labeller skipped more than once.
    """
    query = (
        select(Image.id)
        .join(Skip, Skip.image_id == Image.id)
        .where(Skip.labeller_id == labeller_id, Image.open_cells > 0, COUNTED, NOT_LEASED)
        .where(read_reach(session, labeller_id).allows())
    )
    if once:
        times = (
            select(func.count())
            .select_from(Submission)
            .where(
                Submission.image_id == Image.id,
                Submission.labeller_id == labeller_id,
                Submission.kind == SubmissionKind.SKIP,
                ~is_undone(),
            )
            .scalar_subquery()
        )
        query = query.where(times < 2)
    return list(session.scalars(query.order_by(Image.shuffle, Image.id).limit(count)))
