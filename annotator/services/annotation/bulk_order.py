"""Which images come next in a sweep: those with one predicted value, or all in the order of the queue."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Select, and_, exists, or_, select, tuple_
from sqlalchemy.orm import Session

from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Image, Label, Project
from annotator.project_cache import CacheKind, project_cache
from annotator.services.common.counted import COUNTED
from annotator.services.common.filled import is_covered
from annotator.services.common.image_maps import is_one_of
from annotator.services.project_settings import change_project_settings, new_version, project_settings
from annotator.services.tasks.assigned import EVERYTHING, Reach, in_queue_order, read_reach
from annotator.services.tasks.queue import free_for
from annotator.services.tasks.visibility import labelled_blind

Order = Literal["doubtful", "confident", "probable"]
"""Of the cells with one predicted value, the most uncertain or the most confident first; or all cells by the value's probability."""
_FIRST_WINDOW, _LAST_WINDOW = 128, 2048
"""Places of an order that one query looks up. The window doubles while the search lasts."""


class PredictedOrder:
    """The cells of an attribute with one predicted value, or all by its probability, in the order of the sweep.

    They are kept as row numbers of the predictions file, four bytes each. Answered cells are dropped when they are met, so that
    the end of the order is found as fast as its start.

    Args:
        file: the predictions.
        rows: (cells,) row numbers in the order of the sweep.
    """

    def __init__(self, file: PredictionsFile, rows: NDArray[np.int32]) -> None:
        self._file = file
        self._rows = rows
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many cells are left; some of them may be answered already."""
        return len(self._rows)

    def find(
        self, session: Session, labeller_id: int, attribute_id: int, count: int, without: frozenset[int]
    ) -> list[int]:
        """Find the first images, by id, that the labeller can sweep."""
        images: list[int] = []
        place, window, reach = 0, _FIRST_WINDOW, read_reach(session, labeller_id)
        while len(images) < count and len(rows := self._rows[place : place + window]):
            waiting = _waiting(session, self._named(rows), labeller_id, attribute_id, reach)
            images += [image_id for image_id, free in waiting.values() if free and image_id not in without]
            answered = [row for row in rows.tolist() if row not in waiting]
            place += len(rows) - self._drop(place + len(rows), answered)
            window = min(2 * window, _LAST_WINDOW)
        return images[:count]

    def _named(self, rows: NDArray[np.int32]) -> dict[str, tuple[int, str]]:
        numbers = rows.tolist()
        images = zip(numbers, self._file.images_of(numbers), strict=True)
        return {name: (row, sha256) for row, (name, sha256) in images}

    def _drop(self, end: int, answered: list[int]) -> int:
        """Drop answered rows before the place `end` and return how many there were.

        Another thread may have dropped some of them meanwhile; rows only move towards the start.
        """
        if not answered:
            return 0
        with self._lock:
            head = self._rows[:end]
            kept = head[~np.isin(head, answered)]
            self._rows = np.concatenate([kept, self._rows[end:]])
        return len(answered)


def _waiting(
    session: Session,
    named: dict[str, tuple[int, str]],
    labeller_id: int,
    attribute_id: int,
    reach: Reach,
) -> dict[int, tuple[int, bool]]:
    """Choose the rows whose image is for the labeller and lacks an answer: row → (image id, whether they can have it now)."""
    query = select(Image.name, Image.sha256, Image.id, free_for(labeller_id, attribute_id)).where(
        sweepable(session, attribute_id), reach.allows(), Image.name.in_(named)
    )
    images = {(name, sha256): (image_id, free) for name, sha256, image_id, free in session.execute(query)}
    return {row: images[name, sha256] for name, (row, sha256) in named.items() if (name, sha256) in images}


def sweepable(session: Session, attribute_id: int) -> ColumnElement[bool]:
    """The condition that the cell is open and the image is not labelled blind: a page of equal predictions would show them."""
    answered = exists().where(Label.image_id == Image.id, Label.attribute_id == attribute_id)
    closed = or_(answered, is_covered(attribute_id))
    return and_(Image.open_cells > 0, COUNTED, ~labelled_blind(session), ~closed)


@dataclass(frozen=True)
class Inside:
    """The images inside a polygon on a map: the polygon's text, and their rows in the predictions."""

    polygon: str
    rows: NDArray[np.int64]


_ORDERS = CacheKind[tuple[int, Path, str, int, Order, Reach, str | None], PredictedOrder](size=8)
"""By version of the sweeps, predictions, attribute, value, order, reach and polygon: images that are not for somebody are dropped
like answered ones."""
_SIZES = CacheKind[tuple[Path, str, str | None], dict[int, int]](size=16)
_HEADS = CacheKind[tuple[int, int, int, Reach], tuple[int, int]](size=256)
"""By version of the sweeps, number of images, attribute and reach: where the order of the queue has its first open cell."""


def predicted_order(
    session: Session,
    file: PredictionsFile,
    attribute: str,
    code: int,
    order: Order,
    reach: Reach = EVERYTHING,
    inside: Inside | None = None,
) -> PredictedOrder:
    """Return the cells that a sweep takes, in its order. One scan of the columns finds them; then they are kept."""
    version = project_settings(session).sweeps_version
    key = (version, file.folder, attribute, code, order, reach, inside.polygon if inside else None)
    return project_cache(session).get_or_compute(
        _ORDERS, key, lambda: _rank(file, attribute, code, order, inside)
    )


def _rank(
    file: PredictionsFile, attribute: str, code: int, order: Order, inside: Inside | None
) -> PredictedOrder:
    if order == "probable":
        rows, probabilities = file.open_probabilities(attribute, code)
        if inside is not None:
            chosen = np.isin(rows, inside.rows)
            rows, probabilities = rows[chosen], probabilities[chosen]
        return PredictedOrder(file, rows[np.argsort(-probabilities, kind="stable")])
    rows, places, probabilities = file.open_answers(attribute)
    chosen = places == file.codes[attribute].index(code)
    if inside is not None:
        chosen &= np.isin(rows, inside.rows)
    rows, probabilities = rows[chosen], probabilities[chosen]
    ranked = np.argsort(probabilities if order == "doubtful" else -probabilities, kind="stable")
    return PredictedOrder(file, rows[ranked])


def group_sizes(
    session: Session, file: PredictionsFile, attribute: str, inside: Inside | None = None
) -> dict[int, int]:
    """Count the cells without a label by predicted value. The caller may correct a count that it knows better."""
    key = (file.folder, attribute, inside.polygon if inside else None)
    return project_cache(session).get_or_compute(_SIZES, key, lambda: _count(file, attribute, inside))


def _count(file: PredictionsFile, attribute: str, inside: Inside | None) -> dict[int, int]:
    rows, places, _ = file.open_answers(attribute)
    if inside is not None:
        places = places[np.isin(rows, inside.rows)]
    codes = file.codes[attribute]
    return dict(zip(codes, np.bincount(places, minlength=len(codes)).tolist(), strict=True))


def find_in_queue_order(
    session: Session,
    labeller_id: int,
    attribute_id: int,
    count: int,
    without: frozenset[int],
    inside: NDArray[np.int64] | None = None,
) -> list[int]:
    """Find the first images, by id, that the labeller can sweep, in the random but fixed order of the queue.

    `inside`: the ids of the images of which they must be.
    """
    only = [is_one_of(inside)] if inside is not None else []
    reach = read_reach(session, labeller_id)
    versions = session.execute(select(Project.sweeps_version, Project.image_count)).one()
    key = (*versions, attribute_id, reach)
    head = project_cache(session).get(_HEADS, key)
    place = tuple_(Image.shuffle, Image.id)
    open_cells = [sweepable(session, attribute_id)] + ([place >= head] if head else [])
    first = session.execute(_first(reach, open_cells, 1)).first()
    if first is None:
        return []
    project_cache(session).put(_HEADS, key, (first[0], first[1]))
    free = [free_for(labeller_id, attribute_id), place >= tuple(first), Image.id.not_in(without), *only]
    return [image for _, image in session.execute(_first(reach, [*open_cells, *free], count))]


def _first(reach: Reach, conditions: list[ColumnElement[bool]], count: int) -> Select[int, int]:
    """Select (shuffle, id) of the first images in the order of the queue that somebody may get."""
    if reach.is_limited:
        return in_queue_order(reach.arms, conditions, count)
    query = select(Image.shuffle, Image.id).where(*conditions)
    return query.order_by(Image.shuffle, Image.id).limit(count)


def restart_search(session: Session) -> None:
    """Let every process search all orders from their start the next time: cells were opened again, or images restored."""
    change_project_settings(session, sweeps_version=new_version())
