"""How many images wait for a person: the counts beside the links of every page."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.models import Image, Skip
from annotator.project import ProjectFolder
from annotator.services.common.counted import COUNTED
from annotator.services.review.queue import Kind, review_queue

MOST = 99
"""Counting ends here, so that a page's head costs the same with a million images."""
_KINDS: tuple[Kind, ...] = ("flags", "opinions", "undecided")


@dataclass(frozen=True)
class Waiting:
    """A number of images; `more` if there may be more than these."""

    images: int
    more: bool


def images_to_review(project: ProjectFolder, session: Session) -> Waiting:
    """Count the images with an open flag, differing opinions or an undecided cell.

    Images that the model contradicts are left out: they are a suspicion, and nobody has asked for a decision.
    """
    pages = [review_queue(project, session, kind, after=None, limit=MOST) for kind in _KINDS]
    images = {image.id for page in pages for image in page.images}
    return Waiting(min(len(images), MOST), len(images) > MOST or any(page.next is not None for page in pages))


def skipped_images(session: Session, labeller_id: int) -> Waiting:
    """Count the images that somebody skipped and that still lack an answer."""
    query = select(Skip.image_id).join(Image, Image.id == Skip.image_id)
    query = query.where(Skip.labeller_id == labeller_id, Image.open_cells > 0, COUNTED).limit(MOST + 1)
    images = len(session.scalars(query).all())
    return Waiting(min(images, MOST), images > MOST)
