"""Count the images of a view: all of them, and those with each value of an attribute; and select all of them."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.models import Image, Label
from annotator.project import ProjectFolder
from annotator.services.review.filters import CANNOT_TELL, NOT_LABELLED, Filters
from annotator.services.review.listing import Search, find_ranked, next_window, prepare_search
from annotator.services.review.model_filters import Conditions
from annotator.services.review.own_answers import answered_cell, own_codes

_SECONDS = 0.6
"""Seconds that one request counts before it returns what it has."""


@dataclass
class Counts:
    """How many images a view has.

    Args:
        images: of the whole view.
        values: value of the attribute ("none" and "unsure" too) → images with it, in views without that filter.
        complete: whether all images were looked at; otherwise there are more.
    """

    images: int = 0
    values: Counter[str] = field(default_factory=Counter)
    complete: bool = True


def count_images(project: ProjectFolder, session: Session, filters: Filters, by: str | None = None) -> Counts:
    """Count the images of a view.

    Args:
        project: the project.
        session: a session.
        filters: the filters.
        by: the attribute whose values are counted too, each one in place of the filter that the view has for it.

    Raises:
        FacelabelError: if a filter has an attribute or a value that is not in the schema.
    """
    counts = Counts()
    search = prepare_search(project, session, filters)
    counts.complete = _count(search, None, counts)
    if by is not None:
        facet = Counts()
        search = prepare_search(project, session, _without(filters, by))
        counts.complete &= _count(search, search.active.ids.get(by), facet)
        counts.values = facet.values
    return counts


def _without(filters: Filters, attribute: str) -> Filters:
    """The filters without those for the value of an attribute."""
    also = tuple(pair for pair in filters.also if pair[0] != attribute)
    return replace(filters, also=also, value=None if filters.attribute == attribute else filters.value)


def _count(search: Search, attribute_id: int | None, counts: Counts) -> bool:
    """Add up the windows of a view. Returns whether all of them were counted."""
    place, deadline = None, time.monotonic() + _SECONDS
    while not search.empty:
        window, place = next_window(search, place)
        held = search.held(window)
        images = search.session.scalar(select(func.count()).select_from(Image).where(*held)) or 0
        counts.images += images
        if attribute_id is not None:
            found = _values(search, attribute_id, held)
            for code, number in found.items():
                counts.values[CANNOT_TELL if code is None else str(code)] += number
            counts.values[NOT_LABELLED] += images - sum(found.values())
        if place is None:
            break
        if time.monotonic() > deadline:
            return False
    return True


def _values(search: Search, attribute_id: int, held: Conditions) -> dict[int | None, int]:
    """How many images of a window have each code, None for "can't tell"; images without a label are missing."""
    query = (
        select(Label.code, func.count())
        .join(Image, Image.id == Label.image_id)
        .where(Label.attribute_id == attribute_id, *held)
        .group_by(Label.code)
    )
    if (me := search.filters.own_of) is None:
        return dict(search.session.execute(query).all())
    images = list(search.session.scalars(select(Image.id).where(*held, answered_cell(me, attribute_id))))
    answers = own_codes(search.session, search.active, me, images).values()
    name = search.active.names[attribute_id]
    return Counter(codes[name] for codes in answers if name in codes)


def select_all(
    project: ProjectFolder, session: Session, filters: Filters, ranked: NDArray[np.int64] | None, limit: int
) -> tuple[list[int], bool]:
    """The first images of a view in an order, by id, and whether these are all of them.

    Args:
        project: the project.
        session: a session.
        filters: the filters.
        ranked: the ids of all images in the order of the view; None: by name.
        limit: the largest number of images.
    """
    search = prepare_search(project, session, filters)
    images: list[int] = []
    if ranked is not None:
        start: int | None = 0
        while start is not None and len(images) <= limit:
            found, start = find_ranked(search, ranked, start=start, limit=limit + 1 - len(images))
            images += found
        return images[:limit], len(images) <= limit
    place = None
    while len(images) <= limit and not search.empty:
        window, place = next_window(search, place)
        query = select(Image.id).where(*search.held(window)).order_by(Image.name)
        images += session.scalars(query.limit(limit + 1 - len(images)))
        if place is None:
            break
    return images[:limit], len(images) <= limit
