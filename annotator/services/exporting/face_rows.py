"""The faces of all images for faces.csv, a few thousand in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import String, cast, select
from sqlalchemy.orm import Session

from annotator.formats.snapshot.faces import FaceRow
from annotator.formats.snapshot.images import BATCH
from annotator.models import Face, Image
from annotator.services.common.counted import COUNTED
from annotator.services.predictions.label_columns import fetch_many

_BARE = str.maketrans("", "", "[] ")


def read_faces(session: Session) -> Iterator[list[FaceRow]]:
    """Yield the faces by the names of their images and their numbers, in parts."""
    # The index of the names and that of the faces give this order, so that nothing is sorted.
    query = (
        select(Image.name, Face.number, Face.turn, Face.left, Face.top, Face.right, Face.bottom)
        .add_columns(cast(Face.points, String), Face.score, Face.finder)
        .join(Face, Face.image_id == Image.id)
        .where(COUNTED)
        .order_by(Image.name, Face.number)
    )
    for rows in fetch_many(session, query, BATCH):
        # The landmarks come as the JSON text of the table; all of a part at once take a tenth of the time.
        landmarks = "\n".join([row[7] for row in rows]).translate(_BARE).split("\n")
        yield [
            FaceRow._make((*row[:7], points, *row[8:])) for row, points in zip(rows, landmarks, strict=True)
        ]
