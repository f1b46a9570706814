"""The labels of all images as columns of codes, one per attribute: a million labels are read in seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from annotator.database.statements import joined
from annotator.domain.schema import CANNOT_TELL
from annotator.formats.snapshot.images import MISSING
from annotator.models import AttributeRow, Image, Label


class LabelColumns:
    """The labels of all images, two bytes a cell (four for people), read in one pass over an index.

    Looking up the labels of each image would take longer than the rest of an export.

    Args:
        session: a session; its transaction sees one state of the labels.
    """

    def __init__(self, session: Session) -> None:
        size = (session.scalar(select(func.max(Image.id))) or 0) + 1
        attributes = session.execute(
            select(AttributeRow.id, AttributeRow.name).order_by(AttributeRow.position)
        )
        self._columns = {name: label_column(session, number, size) for number, name in attributes.all()}

    def of(self, images: Sequence[int] | NDArray[np.int64]) -> dict[str, NDArray[np.integer[Any]]]:
        """Return attribute name → the codes of some images, with CANNOT_TELL and MISSING as codes."""
        rows = np.asarray(images, np.int64)
        return {name: column[rows] for name, column in self._columns.items()}


def label_column(session: Session, attribute: int, size: int) -> NDArray[Any]:
    """Return the codes of one attribute by image id, with CANNOT_TELL and MISSING as codes.

    Args:
        session: a session.
        attribute: its id.
        size: the number of entries; images with higher ids are left out.
    """
    # One row per code, with its images as one text: a row per cell would take three times as long.
    query = (
        select(func.coalesce(Label.code, CANNOT_TELL), joined(Label.image_id))
        .where(Label.attribute_id == attribute)
        .group_by(Label.code)
    )
    most = session.scalar(select(func.max(Label.code)).where(Label.attribute_id == attribute)) or 0
    column = np.full(size, MISSING, np.int16 if most < 2**15 else np.int32)
    for code, images in chain.from_iterable(fetch_many(session, query, 10)):
        numbers = np.fromstring(images, np.int64, sep=",")
        column[numbers[numbers < size]] = code
    return column


def fetch_many(session: Session, query: Select[*tuple[Any, ...]], rows: int) -> Iterator[Sequence[Any]]:
    """Yield the rows of a query as the driver returns them, `rows` at a time: SQLAlchemy's rows would double the time."""
    cursor = session.connection().execute(query).cursor
    assert cursor is not None
    while chunk := cursor.fetchmany(rows):
        yield chunk
    cursor.close()
