"""A task: a leased image with its open cells, what the model suggests for them, and where its face is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from annotator.database.statements import is_listed
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
from annotator.services.tasks.withholding import NONE_WITHHELD, note_comparisons, read_withholding


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
        withheld: attribute → the value that the model would suggest, if the suggestions are withheld from the labeller.
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
    withheld: Mapping[str, int] = field(default_factory=dict)


def lease_tasks(
    session: Session,
    image_ids: list[int],
    labeller_id: int,
    lease_seconds: int,
    active: ActiveSchema,
    predictions: ActivePredictions | None,
    drawn: Mapping[int, float | None] = NOT_DRAWN,
    *,
    withholding: bool = False,
) -> list[Task]:
    """Lease images to a labeller as tasks, in the given order.

    Args:
        session: a writing session.
        image_ids: the images.
        labeller_id: who gets them.
        lease_seconds: for how long.
        active: the active schema.
        predictions: what suggests values.
        drawn: how some of them were drawn (`Lease.drawn`).
        withholding: whether some of them may come without suggestions (services/tasks/withholding).
    """
    if not image_ids:
        return []
    tokens = put_leases(session, image_ids, labeller_id, lease_seconds, drawn)
    chosen = read_withholding(session) if withholding and predictions is not None else NONE_WITHHELD
    withheld = chosen.withheld(labeller_id, image_ids)
    tasks = read_tasks(session, tokens, active, predictions, withheld)
    note_comparisons(
        session, labeller_id, chosen, {task.image_id: _suggested(task, active) for task in tasks}
    )
    return tasks


def _suggested(task: Task, active: ActiveSchema) -> list[list[int]]:
    """What the model suggests for a task, shown or withheld: [attribute id, code] each."""
    shown = {cell.attribute: cell.suggestion.code for cell in task.cells if cell.suggestion}
    codes = shown | dict(task.withheld)
    return [[active.ids[n], code] for n, code in codes.items() if active.schema[n].kind == "categorical"]


def read_tasks(
    session: Session,
    tokens: Mapping[int, str],
    active: ActiveSchema,
    predictions: ActivePredictions | None,
    withheld: Collection[int] = (),
) -> list[Task]:
    """Read the tasks of leased images.

    Args:
        session: a session.
        tokens: image id → token of the lease; the tasks come in this order.
        active: the active schema.
        predictions: what suggests values.
        withheld: the images whose suggestions are withheld from the labeller.
    """
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
        _make_task(
            images[n],
            tokens[n],
            active,
            labels[n],
            {} if n in blind else _suggestions(active, predictions, images[n]),
            faces[n],
            withheld=n in withheld,
        )
        for n in image_ids
    ]


# A labeller who gives a further opinion on a done image must not see the earlier answers.
_IMAGES_WITH_LABELS = (
    select(Image.id, Image.name, Image.sha256, Image.width, Image.height, Image.face_count)
    .add_columns(COVERED, Label.attribute_id, Label.code)
    .outerjoin(Label, (Label.image_id == Image.id) & (Image.open_cells > 0))
    .where(is_listed(Image.id, "image_ids"))
)

_FACES = (
    select(Image.id, Image.width, Image.height, Face.number, Face.turn)
    .add_columns(Face.left, Face.top, Face.right, Face.bottom, Face.points)
    .join(Face, Face.image_id == Image.id)
    .where(is_listed(Image.id, "image_ids"), Face.number < MOST_FACES)
    .order_by(Face.image_id, Face.number)
)


def _suggestions(
    active: ActiveSchema, predictions: ActivePredictions | None, image: Row[Any]
) -> dict[str, Suggestion]:
    suggestions = predictions.suggestions(image.name, image.sha256) if predictions else {}
    return {n: s for n, s in suggestions.items() if n in active.ids and active.offers(n, s.code)}


def _make_task(
    image: Row[Any],
    lease: str,
    active: ActiveSchema,
    labels: dict[int, int | None],
    suggestions: Mapping[str, Suggestion],
    faces: list[Row[Any]],
    *,
    withheld: bool,
) -> Task:
    shown, covered = _face_and_size(image, faces), covered_attributes(image.covered)
    open_cells = [n for number, n in active.names.items() if number not in labels and number not in covered]
    seen = {} if withheld else suggestions
    return Task(
        image_id=image.id,
        image_name=image.name,
        sha256=image.sha256,
        width=image.width,
        height=image.height,
        lease=lease,
        cells=[Cell(name, seen.get(name)) for name in open_cells],
        labels={name: labels[number] for number, name in active.names.items() if number in labels},
        # Faces that came with an image are there before the image's faces are counted.
        face=_asked(faces[0], image.face_count or len(faces)) if faces else None,
        faces=None if image.face_count is None and not faces else [_face(face) for face in faces],
        detailed=max(image.width, image.height) > VIEW_SIDE,
        thumbnail=thumbnail_crop(*shown),
        withheld={n: suggestions[n].code for n in open_cells if n in suggestions} if withheld else {},
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
