"""The project's counts of images, which every change updates, so that reading them is cheap."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from annotator.models import Image, Lease, Project, now
from annotator.services.common.counted import COUNTED, of_counted_image


@dataclass(frozen=True)
class Progress:
    """The progress of labelling. `open` images lack an answer; other labellers hold `held_by_others` of them."""

    images: int
    done: int
    open: int
    held_by_others: int


_PROGRESS = select(
    Project.image_count,
    Project.done_count,
    select(func.count())
    .select_from(Lease)
    .where(Lease.labeller_id != bindparam("labeller_id"), Lease.expires_at > bindparam("now"))
    .scalar_subquery(),
)
_ADD_DONE = update(Project).values(done_count=Project.done_count + bindparam("difference"))
_ADD_COUNTED = update(Project).values(image_count=Project.image_count + bindparam("difference"))


def read_progress(session: Session, labeller_id: int) -> Progress:
    """Return the counts as one labeller sees them."""
    now_and_me = {"labeller_id": labeller_id, "now": now()}
    images, done, held = session.connection().execute(_PROGRESS, now_and_me).one()
    return Progress(images, done, images - done, held)


def add_done(session: Session, difference: int) -> None:
    """Record that images became done (+1 each) or open again (-1 each)."""
    if difference:
        session.connection().execute(_ADD_DONE, {"difference": difference})


def add_counted(session: Session, difference: int) -> None:
    """Record that images count again (+1 each) or were excluded (-1 each)."""
    if difference:
        session.connection().execute(_ADD_COUNTED, {"difference": difference})


def recount(session: Session) -> None:
    """Count all images that are not excluded again."""
    images = select(func.count()).select_from(Image).where(of_counted_image(Image.id)).scalar_subquery()
    done = select(func.count()).select_from(Image).where(COUNTED, Image.open_cells == 0).scalar_subquery()
    session.execute(update(Project).values(image_count=images, done_count=done))
