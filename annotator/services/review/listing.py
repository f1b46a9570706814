"""List the images that fulfil filters, by name, a page at a time.

A filter may choose one image in a million, and no index helps every combination of filters. So images are searched in windows
of names until the page is full or a time limit has passed; the result says where to continue. This keeps each request short.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from annotator.domain.states import Origin
from annotator.models import Annotation, Flag, Image, Label
from annotator.project import ProjectFolder
from annotator.services.predictions.active import ActivePredictions, active_predictions
from annotator.services.review.filters import Filters, conditions, is_narrow
from annotator.services.schema.active import ActiveSchema, active_schema
from annotator.services.tasks.visibility import still_blind

_WINDOW = 4000
"""Names that one query searches."""

_SECONDS = 0.2
"""Seconds that one request searches before it returns what it has."""

_LAST = "\U0010ffff"


@dataclass(frozen=True)
class Page:
    """Images by name, and the name after (or before) which to continue; None if there are no more."""

    images: list[Image]
    next: str | None


@dataclass(frozen=True)
class CardLabels:
    """What a grid shows of an image: labels, the attributes that a reviewer decided, and the number of open flags."""

    codes: dict[str, int | None]
    adjudicated: list[str]
    open_flags: int


def find_images(
    project: ProjectFolder,
    session: Session,
    filters: Filters,
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int,
) -> Page:
    """Find the next images after a name, or the last ones before a name, always in the order of names.

    The page may be short or empty although there are more images: `Page.next` says where to continue.

    Raises:
        FacelabelError: if a filter has an attribute or a value that is not in the schema.
    """
    active = active_schema(session)
    predictions = (
        active_predictions(project, session, active.hash) if filters.contradicted is not None else None
    )
    if filters.contradicted is not None and predictions is None:
        return Page([], None)
    narrow = is_narrow(session, filters)
    where = conditions(session, active, filters, narrow=narrow)
    backwards = before is not None
    place = before if backwards else after
    images: list[Image] = []
    deadline = time.monotonic() + _SECONDS
    while len(images) <= limit:
        window = _window(filters, place, backwards=backwards)
        end = None if narrow else _end(session, window, backwards=backwards)
        if end is not None:
            window = [*window, Image.name >= end if backwards else Image.name <= end]
        held = _contradicted(session, active, filters, predictions, window, where) if predictions else where
        query = select(Image).where(*window, *held).limit(limit + 1 - len(images))
        images += session.scalars(query.order_by(Image.name.desc() if backwards else Image.name))
        if end is None or (len(images) <= limit and time.monotonic() > deadline):
            place = end
            break
        place = end
    if len(images) > limit:
        images, place = images[:limit], images[limit - 1].name
    return Page(images[::-1] if backwards else images, place)


def _window(filters: Filters, place: str | None, *, backwards: bool) -> list[ColumnElement[bool]]:
    """The condition on names from a place on, within the prefix."""
    window = [Image.name >= filters.prefix, Image.name <= filters.prefix + _LAST] if filters.prefix else []
    if place is not None:
        window.append(Image.name < place if backwards else Image.name > place)
    return window


def _end(session: Session, window: list[ColumnElement[bool]], *, backwards: bool) -> str | None:
    """The last name of the window; None if the window holds all names that are left."""
    query = select(Image.name).where(*window).order_by(Image.name.desc() if backwards else Image.name)
    return session.scalar(query.offset(_WINDOW - 1).limit(1))


def _contradicted(
    session: Session,
    active: ActiveSchema,
    filters: Filters,
    predictions: ActivePredictions,
    window: list[ColumnElement[bool]],
    where: list[ColumnElement[bool]],
) -> list[ColumnElement[bool]]:
    """The condition for images of a window with a label that the model contradicts and no reviewer decided.

    Images that are still labelled blind are left out: finding them here would reveal the suggestion.
    """
    asked = [filters.attribute] if filters.attribute else list(active.names.values())
    sources = {active.ids[name]: file for name in asked if (file := predictions.file_for(name))}
    rows = session.execute(
        select(Image.id, Image.name, Image.sha256, Label.attribute_id, Label.code)
        .join(Label, Label.image_id == Image.id)
        .join(Annotation, Annotation.id == Label.annotation_id)
        .where(
            *window,
            *where,
            Label.attribute_id.in_(sources),
            Annotation.origin != Origin.REVIEW,
            ~still_blind(session),
        )
    ).all()
    if not rows:
        return [Image.id.in_([])]
    first, last = min(row.name for row in rows), max(row.name for row in rows)
    answers = {file: file.between(first, last) for file in set(sources.values())}
    places_in = {file: {name: n for n, name in enumerate(model.names)} for file, model in answers.items()}
    ids = set()
    for image_id, name, sha256, attribute_id, code in rows:
        model, place = answers[sources[attribute_id]], places_in[sources[attribute_id]].get(name)
        if place is None or model.sha256[place] != sha256:
            continue
        codes, probabilities = model.top[active.names[attribute_id]]
        if codes[place] != code and probabilities[place] >= (filters.contradicted or 0):
            ids.add(image_id)
    return [Image.id.in_(ids)]


def card_labels(session: Session, images: list[Image]) -> dict[int, CardLabels]:
    """Read what a grid shows of a page of images, by image id."""
    active = active_schema(session)
    cards = {image.id: CardLabels({}, [], 0) for image in images}
    query = (
        select(Label.image_id, Label.attribute_id, Label.code, Annotation.origin)
        .join(Annotation, Annotation.id == Label.annotation_id)
        .where(Label.image_id.in_(cards))
    )
    for image_id, attribute_id, code, origin in session.execute(query):
        name = active.names[attribute_id]
        cards[image_id].codes[name] = code
        if origin == Origin.REVIEW:
            cards[image_id].adjudicated.append(name)
    flags = select(Flag.image_id).where(Flag.image_id.in_(cards), Flag.resolved_at.is_(None))
    for image_id in session.scalars(flags):
        card = cards[image_id]
        cards[image_id] = CardLabels(card.codes, card.adjudicated, card.open_flags + 1)
    return cards
