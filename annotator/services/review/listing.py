"""List the images that fulfil filters, by name or in another order, a page at a time.

A filter may choose one image in a million, and no index helps every combination of filters. So images are searched in windows
of names until the page is full or a time limit has passed; the result says where to continue. This keeps each request short.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.states import Origin
from annotator.models import Annotation, Flag, Image, Label
from annotator.project import ProjectFolder
from annotator.services.common.filled import filled_cells
from annotator.services.common.image_maps import images_inside, is_one_of
from annotator.services.predictions.active import (
    ActivePredictions,
    active_predictions,
    predictions_of_round,
)
from annotator.services.review.filters import FEW, Filters, conditions, is_narrow
from annotator.services.review.model_filters import Conditions, check_model_filters, model_conditions
from annotator.services.review.own_answers import answered_among, check_reviewers_view, own_codes
from annotator.services.schema.active import ActiveSchema, active_schema

_WINDOW = 4000
"""Names that one query searches."""

_FIRST_WINDOW = 500
"""Images of the first window of an order that is not the one of names: most views are full then."""

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
    """What a grid shows of an image: labels, the attributes that a reviewer decided, the number of open flags, whether it is done.

    `filled`: the model's values of filled cells, by attribute.
    """

    codes: dict[str, int | None]
    adjudicated: list[str]
    open_flags: int
    done: bool
    filled: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Search:
    """The conditions of a view, as they are looked up window by window.

    Args:
        session: a session.
        active: the active schema.
        filters: the filters.
        narrow: whether an index leads to few images, so that one window holds all of them.
        where: the conditions that the database tests.
        predictions: the active predictions, if the filters need them; None then means that no image passes.
    """

    session: Session
    active: ActiveSchema
    filters: Filters
    narrow: bool
    where: Conditions
    predictions: ActivePredictions | None

    @property
    def empty(self) -> bool:
        """Whether no image can pass, because there are no predictions."""
        return self.filters.asks_model and self.predictions is None

    def held(self, window: Conditions) -> Conditions:
        """The conditions for images of a window."""
        if self.predictions is None:
            return [*window, *self.where]
        found = model_conditions(
            self.session, self.active, self.filters, self.predictions, window, self.where
        )
        return [*window, *self.where, *found]


def prepare_search(project: ProjectFolder, session: Session, filters: Filters) -> Search:
    """Translate the filters.

    Raises:
        Forbidden: if a filter is for reviewers, and the view is that of a labeller.
        FacelabelError: if a filter has an attribute or a value that is not in the schema.
        NotFound: if a filter names a map or a round that is not kept.
    """
    check_model_filters(filters)
    if filters.asks_others:
        check_reviewers_view(filters.own_of, "This filter")
    active = active_schema(session)
    predictions = None
    if filters.asks_model:
        find = (
            active_predictions
            if filters.round is None
            else partial(predictions_of_round, number=filters.round)
        )
        predictions = find(project, session, active.hash)
    inside = None if filters.inside is None else images_inside(project, session, filters.inside)
    narrow = is_narrow(session, filters) or (inside is not None and len(inside) <= FEW)
    where = conditions(session, active, filters, narrow=narrow)
    if inside is not None:
        where.append(is_one_of(inside))
    return Search(session, active, filters, narrow, where, predictions)


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
    search = prepare_search(project, session, filters)
    if search.empty:
        return Page([], None)
    backwards = before is not None
    place = before if backwards else after
    images: list[Image] = []
    deadline = time.monotonic() + _SECONDS
    while len(images) <= limit:
        window, end = next_window(search, place, backwards=backwards)
        query = select(Image).where(*search.held(window)).limit(limit + 1 - len(images))
        images += session.scalars(query.order_by(Image.name.desc() if backwards else Image.name))
        place = end
        if end is None or (len(images) <= limit and time.monotonic() > deadline):
            break
    if len(images) > limit:
        images, place = images[:limit], images[limit - 1].name
    return Page(images[::-1] if backwards else images, place)


def find_ranked(
    search: Search, ranked: NDArray[np.int64], *, start: int, limit: int
) -> tuple[list[int], int | None]:
    """Find the next images of an order that is not the one of names, by id, and the place at which to continue.

    Args:
        search: the filters.
        ranked: the ids of all images in this order.
        start: the place from which to search.
        limit: the largest number of images.
    """
    images: list[int] = []
    place, deadline = max(0, start), time.monotonic() + _SECONDS
    while not search.empty and place < len(ranked):
        window = ranked[place : place + (_WINDOW if images or place > start else _FIRST_WINDOW)].tolist()
        held = search.held([Image.id.in_(window)])
        passing = set(search.session.scalars(select(Image.id).where(*held)))
        for number in window:
            place += 1
            if number in passing:
                images.append(number)
                if len(images) == limit:
                    return images, place if place < len(ranked) else None
        if time.monotonic() > deadline:
            return images, place if place < len(ranked) else None
    return images, None


def ranked_page(search: Search, ranked: NDArray[np.int64], *, start: int, limit: int) -> Page:
    """A page of `find_ranked`; `next` is a place."""
    numbers, place = find_ranked(search, ranked, start=start, limit=limit)
    images = {image.id: image for image in search.session.scalars(select(Image).where(Image.id.in_(numbers)))}
    return Page([images[number] for number in numbers], None if place is None else str(place))


def next_window(
    search: Search, place: str | None, *, backwards: bool = False
) -> tuple[Conditions, str | None]:
    """The condition on the names of the next window, and its last name; None if it holds all names that are left."""
    prefix = search.filters.prefix
    window = [Image.name >= prefix, Image.name <= prefix + _LAST] if prefix else []
    if place is not None:
        window.append(Image.name < place if backwards else Image.name > place)
    if search.narrow:
        return window, None
    query = select(Image.name).where(*window).order_by(Image.name.desc() if backwards else Image.name)
    end = search.session.scalar(query.offset(_WINDOW - 1).limit(1))
    if end is not None:
        window.append(Image.name >= end if backwards else Image.name <= end)
    return window, end


def card_labels(session: Session, images: list[Image], own_of: int | None) -> dict[int, CardLabels]:
    """Read what a grid shows of a page of images, by image id.

    Args:
        session: a session.
        images: the images.
        own_of: the labeller who sees only their own answers and flags; None: those of everybody.
    """
    active, numbers = active_schema(session), [image.id for image in images]
    flagged = select(Flag.image_id).where(Flag.image_id.in_(numbers), Flag.resolved_at.is_(None))
    if own_of is not None:
        flags = Counter(session.scalars(flagged.where(Flag.labeller_id == own_of)))
        codes, done = own_codes(session, active, own_of, numbers), answered_among(session, own_of, numbers)
        return {n: CardLabels(codes.get(n, {}), [], flags[n], n in done) for n in numbers}
    flags = Counter(session.scalars(flagged))
    cards = {image.id: CardLabels({}, [], flags[image.id], image.open_cells == 0) for image in images}
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
    for cell in filled_cells(session, numbers):
        cards[cell.image_id].filled[cell.attribute] = cell.code
    return cards
