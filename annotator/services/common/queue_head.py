"""The head of the queue without predictions: the worker prepares these images first, so that a first round need not wait."""

from __future__ import annotations

from sqlalchemy import Select, select

from annotator.models import Image
from annotator.services.common.counted import COUNTED

HEAD_IMAGES = 300
"""The number of images at the head: more than somebody labels before the first round has ended."""


def queue_head(images: int = HEAD_IMAGES) -> Select[int]:
    """Select the ids of the next open images in the random but fixed order in which they are handed out."""
    return (
        select(Image.id).where(Image.open_cells > 0, COUNTED).order_by(Image.shuffle, Image.id).limit(images)
    )
