"""A task: a leased image with its open cells, what the model suggests for them, and where its face is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from annotator.domain.faces.boxes import Box, head_box, turned_back
from annotator.formats.snapshot.predictions import Suggestion
from annotator.models import Face, Image, Label
from annotator.services.predictions.active import ActivePredictions
from annotator.services.schema.active import ActiveSchema
from annotator.services.tasks.leases import NOT_DRAWN, put_leases
from annotator.services.tasks.visibility import blind_among


@dataclass(frozen=True)
class Cell:
    """An attribute that the image still lacks, and the model's suggestion."""

    attribute: str
    suggestion: Suggestion | None


MOST_FACES = 100
"""Faces of an image that a task lists at most."""

_Shares = tuple[float, float, float, float]


@dataclass(frozen=True)
class TaskFace:
    """A face of an image. Boxes are (left, top, right, bottom) as fractions of the upright image's sides.

    Args:
        number: from 1 in falling size.
        asked: whether the questions are about this face.
        head: the box of the whole head.
        box: the box of the face.
    """

    number: int
    asked: bool
    head: _Shares
    box: _Shares


@dataclass(frozen=True)
class AskedFace:
    """The face that the questions are about, with boxes as of TaskFace, and the number of faces in the image."""

    head: _Shares
    box: _Shares
    count: int


@dataclass(frozen=True)
class Task:
    """An image leased to a labeller.

    Args:
        face: the largest face; None while no face is known.
        faces: all faces, largest first; [] if none was found; None if the image was not searched yet and came without.
    """

    image_id: int
    image_name: str
    sha256: str
    width: int
    height: int
    lease: str
    cells: list[Cell]
    labels: dict[str, int | None]
    face: AskedFace | None
    faces: list[TaskFace] | None


def lease_tasks(
    session: Session,
    image_ids: list[int],
    labeller_id: int,
    lease_seconds: int,
    active: ActiveSchema,
    predictions: ActivePredictions | None,
    drawn: Mapping[int, float | None] = NOT_DRAWN,
) -> list[Task]:
    """Lease images to a labeller as tasks, in the given order; arguments as of `put_leases`."""
    if not image_ids:
        return []
    tokens = put_leases(session, image_ids, labeller_id, lease_seconds, drawn)
    images: dict[int, Row[Any]] = {}
    faces: dict[int, list[TaskFace]] = {image_id: [] for image_id in image_ids}
    for row in session.connection().execute(_FACES, {"image_ids": image_ids}):
        faces[row.id].append(_face(row))
    labels: dict[int, dict[int, int | None]] = {image_id: {} for image_id in image_ids}
    for row in session.connection().execute(_IMAGES_WITH_LABELS, {"image_ids": image_ids}):
        images[row.id] = row
        if row.attribute_id is not None:
            labels[row.id][row.attribute_id] = row.code
    blind = blind_among(session, image_ids) if predictions is not None else tokens.keys()
    return [
        _make_task(images[n], tokens[n], active, labels[n], None if n in blind else predictions, faces[n])
        for n in image_ids
    ]


# A labeller who gives a further opinion on a done image must not see the earlier answers.
_IMAGES_WITH_LABELS = (
    select(Image.id, Image.name, Image.sha256, Image.width, Image.height, Image.face_count)
    .add_columns(Label.attribute_id, Label.code)
    .outerjoin(Label, (Label.image_id == Image.id) & (Image.open_cells > 0))
    .where(Image.id.in_(bindparam("image_ids", expanding=True)))
)

_FACES = (
    select(Image.id, Image.width, Image.height, Face.number, Face.turn)
    .add_columns(Face.left, Face.top, Face.right, Face.bottom, Face.points)
    .join(Face, Face.image_id == Image.id)
    .where(Image.id.in_(bindparam("image_ids", expanding=True)), Face.number < MOST_FACES)
    .order_by(Face.image_id, Face.number)
)


def _make_task(
    image: Row[Any],
    lease: str,
    active: ActiveSchema,
    labels: dict[int, int | None],
    predictions: ActivePredictions | None,
    faces: list[TaskFace],
) -> Task:
    suggestions = predictions.suggestions(image.name, image.sha256) if predictions else {}
    suggestions = {n: s for n, s in suggestions.items() if n in active.ids and active.offers(n, s.code)}
    return Task(
        image_id=image.id,
        image_name=image.name,
        sha256=image.sha256,
        width=image.width,
        height=image.height,
        lease=lease,
        cells=[
            Cell(name, suggestions.get(name)) for number, name in active.names.items() if number not in labels
        ],
        labels={name: labels[number] for number, name in active.names.items() if number in labels},
        # Faces that came with an image are there before the image's faces are counted.
        face=AskedFace(faces[0].head, faces[0].box, image.face_count or len(faces)) if faces else None,
        faces=None if image.face_count is None and not faces else faces,
    )


def _face(face: Row[Any]) -> TaskFace:
    size = (face.width, face.height) if face.turn in {0, 180} else (face.height, face.width)
    box = Box(face.left, face.top, face.right, face.bottom)
    head, shown = (
        turned_back(part, face.turn, face.width, face.height).shares(face.width, face.height)
        for part in (head_box(box, face.points, *size), box)
    )
    return TaskFace(face.number + 1, face.number == 0, head, shown)
