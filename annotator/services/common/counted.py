"""The one rule for excluded images: which images count.

An excluded image keeps its file, its labels and its history, but it is in no queue, metric, snapshot, export or list of what is
to be done. Every query that counts images, or hands them out, has one of these two conditions;
tests/annotator/labelling/test_excluded_everywhere.py walks all of them.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from annotator.models import Image, Project

COUNTED = Image.exclusion_id.is_(None)
"""The condition that an image counts, for queries that read the rows of images."""


def of_counted_image(
    image_id: InstrumentedAttribute[int] | InstrumentedAttribute[int | None],
) -> ColumnElement[bool]:
    """The condition that a row belongs to an image that counts, for queries of other tables, or of an index of images alone.

    SQLite reads the few excluded images once, from a separate index.

    Args:
        image_id: the column of the surrounding query with the image's id.
    """
    excluded = aliased(Image)
    return image_id.not_in(select(excluded.id).where(excluded.exclusion_id.is_not(None)))


def counted_state(session: Session) -> int:
    """A number that changes whenever an image is added, excluded or restored; triggers raise it."""
    return session.scalars(select(Project.images_version)).one()
