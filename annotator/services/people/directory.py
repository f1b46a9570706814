"""The people of a project: search by name, numbers of images, and faces to show."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from annotator.domain.faces.boxes import Box, turned_back
from annotator.domain.faces.crops import Crop, thumbnail_crop, tile_crop
from annotator.models import Face, Image, Label, ValueRow
from annotator.services.common.counted import of_counted_image
from annotator.services.people.face_sets import identity_attribute
from annotator.services.schema.open_values import UNKNOWN_PERSON


@dataclass(frozen=True)
class FaceCard:
    """An image with its largest face.

    `box`: left, top, right, bottom in pixels of the upright image; None if no face was found. `turn`: degrees clockwise by which
    the face must be turned to be upright. `thumbnail`: the part that a grid shows; None if the view serves.
    `head`: the part that shows the head at full detail; None likewise.
    """

    image: Image
    box: Box | None
    turn: int
    thumbnail: Crop | None
    head: Crop | None


@dataclass(frozen=True)
class PersonSummary:
    """A person, the number of their images, and one of their faces."""

    code: int
    name: str
    images: int
    face: FaceCard | None


def list_people(
    session: Session, *, search: str = "", after: str | None = None, limit: int
) -> tuple[list[PersonSummary], str | None]:
    """List people whose name contains `search`, by name.

    Returns:
        The people, and the name to continue after; None at the end.

    Raises:
        FacelabelError: if the schema has no attribute for people.
    """
    attribute_id, _ = identity_attribute(session)
    query = select(ValueRow.code, ValueRow.name).where(
        ValueRow.attribute_id == attribute_id, ValueRow.status == "active", ValueRow.name != UNKNOWN_PERSON
    )
    if search:
        query = query.where(ValueRow.name.icontains(search, autoescape=True))
    if after is not None:
        query = query.where(ValueRow.name > after)
    rows = session.execute(query.order_by(ValueRow.name).limit(limit + 1)).all()
    more = rows[limit - 1].name if len(rows) > limit else None
    return describe_people(session, attribute_id, dict(rows[:limit])), more


def people_names(session: Session, attribute_id: int, most: int | None) -> list[tuple[int, str]] | None:
    """Return the codes and names of an open attribute's people, or None if there are more than `most`."""
    query = select(ValueRow.code, ValueRow.name).where(
        ValueRow.attribute_id == attribute_id, ValueRow.status == "active"
    )
    rows = session.connection().execute(query.order_by(ValueRow.code).limit(most and most + 1)).all()
    return None if most is not None and len(rows) > most else [(code, name) for code, name in rows]


def complete_name(session: Session, text: str, limit: int) -> list[str]:
    """Find names that contain a text; names that begin with it come first.

    Raises:
        FacelabelError: if the schema has no attribute for people.
    """
    attribute_id, _ = identity_attribute(session)
    inside = case((ValueRow.name.istartswith(text, autoescape=True), 0), else_=1)
    query = (
        select(ValueRow.name)
        .where(
            ValueRow.attribute_id == attribute_id,
            ValueRow.status == "active",
            ValueRow.name.icontains(text, autoescape=True),
        )
        .order_by(inside, ValueRow.name)
    )
    return list(session.connection().scalars(query.limit(limit)))


def describe_people(session: Session, attribute_id: int, names: dict[int, str]) -> list[PersonSummary]:
    """Add the number of images and a face to people. `names`: code → name; its order is kept."""
    counts = {
        code: (number, first)
        for code, number, first in session.execute(
            select(Label.code, func.count(), func.min(Label.image_id))
            .where(
                Label.attribute_id == attribute_id,
                Label.code.in_(names),
                of_counted_image(Label.image_id),
            )
            .group_by(Label.code)
        )
    }
    cards = face_cards(session, [first for _, first in counts.values()])
    people = []
    for code, name in names.items():
        number, first = counts.get(code, (0, None))
        people.append(PersonSummary(code, name, number, cards[first] if first is not None else None))
    return people


def face_cards(session: Session, images: Collection[int]) -> dict[int, FaceCard]:
    """Read the largest faces of images, by image id."""
    query = (
        select(Image, Face)
        .outerjoin(Face, (Face.image_id == Image.id) & (Face.number == 0))
        .where(Image.id.in_(images))
    )
    return {image.id: _card(image, face) for image, face in session.execute(query)}


def faces_of_person(session: Session, attribute_id: int, code: int, limit: int) -> list[FaceCard]:
    """Read the first faces of a person, in the order in which the images were imported."""
    images = list(
        session.scalars(
            select(Label.image_id)
            .where(Label.attribute_id == attribute_id, Label.code == code, of_counted_image(Label.image_id))
            .order_by(Label.image_id)
            .limit(limit)
        )
    )
    cards = face_cards(session, images)
    return [cards[number] for number in images]


def _card(image: Image, face: Face | None) -> FaceCard:
    if face is None:
        return FaceCard(image, None, 0, None, None)
    box = Box(face.left, face.top, face.right, face.bottom)
    size = image.width, image.height
    thumbnail = thumbnail_crop(box, face.points, face.turn, *size)
    head = thumbnail and tile_crop(box, face.points, face.turn, *size)
    return FaceCard(image, turned_back(box, face.turn, *size), face.turn, thumbnail, head)
