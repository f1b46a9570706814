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


@dataclass(frozen=True)
class TaskFace:
    """The largest face of an image. Boxes are (left, top, right, bottom) as fractions of the upright image's sides."""

    head: tuple[float, float, float, float]
    box: tuple[float, float, float, float]
    count: int


@dataclass(frozen=True)
class Task:
    """An image leased to a labeller. `face` is None while no face was found in it."""

    image_id: int
    image_name: str
    sha256: str
    width: int
    height: int
    lease: str
    cells: list[Cell]
    labels: dict[str, int | None]
    face: TaskFace | None


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
    labels: dict[int, dict[int, int | None]] = {image_id: {} for image_id in image_ids}
    for row in session.connection().execute(_IMAGES_WITH_LABELS, {"image_ids": image_ids}):
        images[row.id] = row
        if row.attribute_id is not None:
            labels[row.id][row.attribute_id] = row.code
    blind = blind_among(session, image_ids) if predictions is not None else tokens.keys()
    return [
        _make_task(images[n], tokens[n], active, labels[n], None if n in blind else predictions)
        for n in image_ids
    ]


# A labeller who gives a further opinion on a done image must not see the earlier answers.
_IMAGES_WITH_LABELS = (
    select(Image.id, Image.name, Image.sha256, Image.width, Image.height, Image.face_count)
    .add_columns(Face.turn, Face.left, Face.top, Face.right, Face.bottom, Face.points)
    .add_columns(Label.attribute_id, Label.code)
    .outerjoin(Face, (Face.image_id == Image.id) & (Face.number == 0))
    .outerjoin(Label, (Label.image_id == Image.id) & (Image.open_cells > 0))
    .where(Image.id.in_(bindparam("image_ids", expanding=True)))
)


def _make_task(
    image: Row[Any],
    lease: str,
    active: ActiveSchema,
    labels: dict[int, int | None],
    predictions: ActivePredictions | None,
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
        face=_face(image),
    )


def _face(image: Row[Any]) -> TaskFace | None:
    if image.turn is None:
        return None
    size = (image.width, image.height) if image.turn in {0, 180} else (image.height, image.width)
    box = Box(image.left, image.top, image.right, image.bottom)
    head, face = (
        turned_back(part, image.turn, image.width, image.height).shares(image.width, image.height)
        for part in (head_box(box, image.points, *size), box)
    )
    # A face that came with its image is there before the image's faces are counted.
    return TaskFace(head, face, image.face_count or 1)
