"""Who works on which image next: leases, and the order of work.

With predictions the order is theirs (the most doubtful first); images they do not know, and all images when there are
none, come in a random but fixed order. An image with a live lease is given to nobody else. Overlapped and gold images, and
those with a suspicious label, that are done already are mixed in, to be answered once more without sight of what was said.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, exists, insert, select, update
from sqlalchemy.orm import Session

from annotator.domain.faces.boxes import Box, head_box, turned_back
from annotator.formats.snapshot.predictions import PredictionsFile, Suggestion
from annotator.models import Face, Image, Label, Lease, Predictions, Skip, now
from annotator.project import ProjectFolder
from annotator.project_cache import CacheKind, project_cache
from annotator.services.common.progress import open_images
from annotator.services.predictions.active import ActivePredictions, active_predictions
from annotator.services.schema.active import ActiveSchema, active_schema, unknown_attribute
from annotator.services.tasks.sampling import images_to_mix_in, rest_of_opinions, shuffled_in
from annotator.services.tasks.visibility import blind_among

_WINDOW = 64
"""How many places of the order of work are looked at in one query."""
_WINDOWS = CacheKind[tuple[Path, int], list[str]](size=64)
"""Windows of the order of work, by the folder of the predictions and the place."""
NOT_DRAWN: Mapping[int, float | None] = MappingProxyType({})


@dataclass(frozen=True)
class Cell:
    """One attribute still to be answered, with what the model thinks."""

    attribute: str
    suggestion: Suggestion | None


@dataclass(frozen=True)
class TaskFace:
    """The largest face of an image; boxes are (left, top, right, bottom) in shares of the upright image's sides."""

    head: tuple[float, float, float, float]
    box: tuple[float, float, float, float]
    count: int


@dataclass(frozen=True)
class Task:
    """An image leased to a labeller; `face` is None if none was found in it (yet)."""

    image_id: int
    image_name: str
    sha256: str
    width: int
    height: int
    lease: str
    cells: list[Cell]
    labels: dict[str, int | None]
    face: TaskFace | None


def next_tasks(
    project: ProjectFolder,
    session: Session,
    labeller_id: int,
    *,
    count: int,
    lease_seconds: int,
    attribute: str | None = None,
) -> list[Task]:
    """Lease up to `count` images that nobody holds and this labeller did not skip, the most doubtful first.

    Raises:
        FacelabelError: if there is no such attribute.
    """
    active = active_schema(session)
    if attribute is not None and attribute not in active.ids:
        raise unknown_attribute(active.schema, attribute)
    if count == 0:
        return []
    predictions = active_predictions(project, session, active.hash)
    attribute_id = active.ids[attribute] if attribute else None
    mixed_in = images_to_mix_in(session, labeller_id, count) if attribute is None else []
    found = _ordinary(session, predictions, labeller_id, attribute_id, count - len(mixed_in))
    missing = count - len(found) - len(mixed_in)
    if attribute is None and missing > 0:
        mixed_in += rest_of_opinions(session, labeller_id, missing, mixed_in)
    images = shuffled_in(list(found), mixed_in)
    return lease(session, images, labeller_id, lease_seconds, active, predictions, found)


def _ordinary(
    session: Session,
    predictions: ActivePredictions | None,
    labeller_id: int,
    attribute_id: int | None,
    count: int,
) -> dict[int, float | None]:
    """The ids of the first free images in the order of work, each with how it was drawn (Lease.drawn)."""
    found: dict[int, float | None] = {}
    if predictions is not None and count > 0:
        found |= _in_predicted_order(session, predictions, _in_window(labeller_id, attribute_id), count)
    if len(found) < count:
        rest = session.connection().scalars(_in_random_order(labeller_id, attribute_id), {"count": count})
        new = [number for number in rest if number not in found][: count - len(found)]
        # What predictions left over was not drawn from all.
        found |= dict.fromkeys(new, None if predictions else 1 / max(1, open_images(session)))
    return found


def lease_again(
    project: ProjectFolder, session: Session, image_id: int, labeller_id: int, lease_seconds: int
) -> Task | None:
    """Give an image whose answer was taken back to its labeller; None if somebody else works on it by now."""
    held = session.get(Lease, image_id)
    if held is not None and held.labeller_id != labeller_id and held.expires_at > now():
        return None
    active = active_schema(session)
    predictions = active_predictions(project, session, active.hash)
    return lease(session, [image_id], labeller_id, lease_seconds, active, predictions)[0]


def renew_leases(
    session: Session, labeller_id: int, tokens: list[str], lease_seconds: int
) -> tuple[list[str], list[str]]:
    """Renew the leases that a page still works on; returns those renewed and those lost."""
    if not tokens:
        return [], []
    mine = (Lease.labeller_id == labeller_id) & Lease.token.in_(tokens)
    found = set(session.scalars(select(Lease.token).where(mine)))
    session.execute(update(Lease).where(mine).values(expires_at=now() + timedelta(seconds=lease_seconds)))
    return [t for t in tokens if t in found], [t for t in tokens if t not in found]


_NOT_HELD = ~exists().where(Lease.image_id == Image.id, Lease.expires_at > bindparam(None, callable_=now))
_FREE = and_(Image.open_cells > 0, _NOT_HELD)
"""Open images without a live lease."""


def free_for(labeller_id: int, attribute_id: int | None) -> ColumnElement[bool]:
    """Free images that the labeller did not skip and that lack the attribute, if one is named."""
    free = and_(_FREE, ~exists().where(Skip.image_id == Image.id, Skip.labeller_id == labeller_id))
    if attribute_id is None:
        return free
    return and_(free, ~exists().where(Label.image_id == Image.id, Label.attribute_id == attribute_id))


def _in_predicted_order(
    session: Session, predictions: ActivePredictions, in_window: Select[str, int], count: int
) -> dict[int, float | None]:
    found: dict[int, str] = {}
    for place, names in _windows(session, predictions):
        by_name = dict(session.connection().execute(in_window, {"names": names}).all())
        found |= {by_name[name]: name for name in names if name in by_name}
        if not by_name and place == predictions.cursor:
            _move_cursor(session, predictions, place, names)
        if len(found) >= count:
            break
    return {number: predictions.file.drawn(name) for number, name in islice(found.items(), count)}


@lru_cache(maxsize=256)
def _in_window(labeller_id: int, attribute_id: int | None) -> Select[str, int]:
    free = free_for(labeller_id, attribute_id)
    return select(Image.name, Image.id).where(free, Image.name.in_(bindparam("names", expanding=True)))


@lru_cache(maxsize=256)
def _in_random_order(labeller_id: int, attribute_id: int | None) -> Select[int]:
    free = free_for(labeller_id, attribute_id)
    return select(Image.id).where(free).order_by(Image.shuffle, Image.id).limit(bindparam("count"))


def _windows(session: Session, predictions: ActivePredictions) -> Iterator[tuple[int, list[str]]]:
    place = predictions.cursor
    while names := _names_at(session, predictions.file, place):
        yield place, names
        place += len(names)


def _names_at(session: Session, file: PredictionsFile, place: int) -> list[str]:
    """A window of the order of work; all labellers look at the same few windows."""
    key = (file.folder, place)
    return project_cache(session).get_or_compute(_WINDOWS, key, lambda: file.order(place, _WINDOW))


def _move_cursor(session: Session, predictions: ActivePredictions, place: int, names: list[str]) -> None:
    """Never look again at places where everything is done or held: the queue stays as fast at its end as at its head.

    An image whose lease then runs out is found again in the random order, and ranked again by the next round.
    """
    waiting = select(Image.id).where(_FREE, Image.name.in_(names)).limit(1)
    if session.scalar(waiting) is None:
        session.execute(
            update(Predictions).where(Predictions.id == predictions.id).values(cursor=place + len(names))
        )


def lease(
    session: Session,
    image_ids: list[int],
    labeller_id: int,
    lease_seconds: int,
    active: ActiveSchema,
    predictions: ActivePredictions | None,
    drawn: Mapping[int, float | None] = NOT_DRAWN,
) -> list[Task]:
    """Give images to a labeller; whoever held them before no longer does. `drawn`: how some of them were (Lease.drawn)."""
    if not image_ids:
        return []
    expires_at = now() + timedelta(seconds=lease_seconds)
    tokens = {number: secrets.token_urlsafe(16) for number in image_ids}
    connection = session.connection()
    connection.execute(
        _PUT_LEASES,
        [
            {
                "image_id": number,
                "labeller_id": labeller_id,
                "token": token,
                "expires_at": expires_at,
                "drawn": drawn.get(number),
            }
            for number, token in tokens.items()
        ],
    )
    images: dict[int, Row[Any]] = {}
    labels: dict[int, dict[int, int | None]] = {number: {} for number in image_ids}
    for row in connection.execute(_IMAGES_WITH_LABELS, {"image_ids": image_ids}):
        images[row.id] = row
        if row.attribute_id is not None:
            labels[row.id][row.attribute_id] = row.code
    blind = blind_among(session, image_ids) if predictions is not None else tokens.keys()
    return [
        _make_task(images[n], tokens[n], active, labels[n], None if n in blind else predictions)
        for n in image_ids
    ]


_PUT_LEASES = insert(Lease).prefix_with("OR REPLACE", dialect="sqlite")
# Who is asked for a further opinion on an image that is done does not see what was said.
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
    suggestions = predictions.file.suggestions(image.name, image.sha256) if predictions else {}
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
    return TaskFace(
        head, face, image.face_count or 1
    )  # a face that came with its image was not described yet
