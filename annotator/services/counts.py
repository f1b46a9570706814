"""The project's counts of images: kept with every change, so that asking for them costs nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from annotator.models import Image, Lease, Project, now


@dataclass(frozen=True)
class Progress:
    """How far the work is. `open` images lack an answer; `held_by_others` of them are being worked on."""

    images: int
    done: int
    open: int
    held_by_others: int


def read_progress(session: Session, labeller_id: int) -> Progress:
    """The counts as one labeller sees them."""
    images, done = session.execute(select(Project.image_count, Project.done_count)).one()
    held = session.scalar(
        select(func.count())
        .select_from(Lease)
        .where(Lease.labeller_id != labeller_id, Lease.expires_at > now())
    )
    return Progress(images, done, images - done, held or 0)


def add_done(session: Session, difference: int) -> None:
    """An image became done (+1) or open again (-1)."""
    if difference:
        session.execute(update(Project).values(done_count=Project.done_count + difference))


def recount(session: Session) -> None:
    """Count all images anew."""
    images = select(func.count()).select_from(Image).scalar_subquery()
    done = select(func.count()).select_from(Image).where(Image.open_cells == 0).scalar_subquery()
    session.execute(update(Project).values(image_count=images, done_count=done))
