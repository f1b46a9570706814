"""A task: a leased image with its open cells, what the model suggests for them, and where its face is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from annotator.domain.faces.boxes import Box, Turn, head_box, turned_back
from annotator.domain.faces.crops import Crop, is_small, thumbnail_crop, turned_size
from annotator.formats.snapshot.predictions import Suggestion
from annotator.imaging.image_files import VIEW_SIDE
from annotator.models import Face, Image, Label
from annotator.services.common.filled import COVERED, covered_attributes
from annotator.services.predictions.active import ActivePredictions
from annotator.services.schema.active import ActiveSchema
from annotator.services.tasks.leases import NOT_DRAWN, put_leases
from annotator.services.tasks.visibility import blind_among


@dataclass(frozen=True)
class Cell:
    """An attribute that the image still lacks and that is not filled, and the model's suggestion."""

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
    """The face that the questions are about, with boxes as of TaskFace.

    Args:
        head: the box of the whole head.
        box: the box of the face.
        count: the number of faces in the image.
        turn: degrees clockwise after which the face is upright.
        small: whether it takes less than half of the image, across and down.
    """

    head: _Shares
    box: _Shares
    count: int
    turn: Turn
    small: bool


@dataclass(frozen=True)
class Task:
    """An image leased to a labeller.

    Args:
        face: the largest face; None while no face is known.
        faces: all faces, largest first; [] if none was found; None if the image was not searched yet and came without.
        detailed: whether the original has more pixels than the view.
        thumbnail: the part that a grid shows; None if the view serves.
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
    detailed: bool
    thumbnail: Crop | None


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
    return read_tasks(
        session, put_leases(session, image_ids, labeller_id, lease_seconds, drawn), active, predictions
    )


def read_tasks(
    session: Session,
    tokens: Mapping[int, str],
    active: ActiveSchema,
    predictions: ActivePredictions | None,
) -> list[Task]:
    """Read the tasks of leased images, in the order of `tokens`: image id → token of the lease."""
    image_ids = list(tokens)
    images: dict[int, Row[Any]] = {}
    faces: dict[int, list[Row[Any]]] = {image_id: [] for image_id in image_ids}
    for row in session.connection().execute(_FACES, {"image_ids": image_ids}):
        faces[row.id].append(row)
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
    .add_columns(COVERED, Label.attribute_id, Label.code)
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
    faces: list[Row[Any]],
) -> Task:
    suggestions = predictions.suggestions(image.name, image.sha256) if predictions else {}
    suggestions = {n: s for n, s in suggestions.items() if n in active.ids and active.offers(n, s.code)}
    shown, covered = _face_and_size(image, faces), covered_attributes(image.covered)
    return Task(
        image_id=image.id,
        image_name=image.name,
        sha256=image.sha256,
        width=image.width,
        height=image.height,
        lease=lease,
        cells=[
            Cell(name, suggestions.get(name))
            for number, name in active.names.items()
            if number not in labels and number not in covered
        ],
        labels={name: labels[number] for number, name in active.names.items() if number in labels},
        # Faces that came with an image are there before the image's faces are counted.
        face=_asked(faces[0], image.face_count or len(faces)) if faces else None,
        faces=None if image.face_count is None and not faces else [_face(face) for face in faces],
        detailed=max(image.width, image.height) > VIEW_SIDE,
        thumbnail=thumbnail_crop(*shown),
    )


def _face(face: Row[Any]) -> TaskFace:
    box, head = _boxes(face)
    return TaskFace(face.number + 1, face.number == 0, _shares(face, head), _shares(face, box))


def _asked(face: Row[Any], count: int) -> AskedFace:
    box, head = _boxes(face)
    small = is_small(box, head, *turned_size(face.width, face.height, face.turn))
    return AskedFace(_shares(face, head), _shares(face, box), count, face.turn, small)


def _boxes(face: Row[Any]) -> tuple[Box, Box]:
    """The boxes of a face and of its head, in pixels of the turned image."""
    box = Box(face.left, face.top, face.right, face.bottom)
    return box, head_box(box, face.points, *turned_size(face.width, face.height, face.turn))


def _shares(face: Row[Any], box: Box) -> _Shares:
    return turned_back(box, face.turn, face.width, face.height).shares(face.width, face.height)


def _face_and_size(
    image: Row[Any], faces: list[Row[Any]]
) -> tuple[Box | None, list[list[int]], int, int, int]:
    """The largest face and the size of an image, as the crops of the domain take them."""
    if not faces:
        return None, [], 0, image.width, image.height
    return _boxes(faces[0])[0], faces[0].points, faces[0].turn, image.width, image.height
