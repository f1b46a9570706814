"""Which overlapped images are still uncertain, and in which attribute: the posterior of each cell from who answered what.

The models of the labellers are the kept ones (labellers.py), so that an answer costs a few multiplications. A cell that a
reviewer decided is certain. An open attribute has no model: it is certain when most people, and two at least, agree.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.database.statements import is_listed
from annotator.domain.agreement.aggregation import majority_vote
from annotator.domain.agreement.ratings import Ratings
from annotator.domain.states import INDEPENDENT, Origin
from annotator.models import Annotation, Label
from annotator.services.common.bulk_read import Column
from annotator.services.common.votes import Opinions, cell_keys, differs, read_opinions, read_opinions_of
from annotator.services.schema.active import active_schema
from annotator.services.tasks.labellers import Models

FEWEST = 2
"""People who answer an overlapped image in any case: one alone agrees with everybody."""
_BATCH = 500
"""Images of one query."""
_MANY = 20_000
"""Images from which on one pass over all answers is faster than looking theirs up by an index."""


def uncertain_attributes(
    session: Session, models: Models, confidence: float, image_ids: Collection[int]
) -> dict[int, int]:
    """Find the images with a required attribute whose answers are not certain.

    Args:
        session: a session.
        models: of the labellers.
        confidence: the posterior probability from which on a cell is certain; 1: none is.
        image_ids: the images to look at; each has an answer.

    Returns:
        Image id → the id of the attribute that is least certain.
    """
    if len(image_ids) > _MANY:
        opinions = read_opinions(session, INDEPENDENT)
        opinions = opinions.where(np.isin(opinions.image, np.array(list(image_ids), np.int64)))
        return _uncertain(session, opinions, models, confidence)
    uncertain: dict[int, int] = {}
    images = list(image_ids)
    for start in range(0, len(images), _BATCH):
        opinions = read_opinions_of(session, images[start : start + _BATCH])
        uncertain |= _uncertain(session, opinions, models, confidence)
    return uncertain


def _uncertain(session: Session, opinions: Opinions, models: Models, confidence: float) -> dict[int, int]:
    active = active_schema(session)
    opinions = opinions.where(np.isin(opinions.attribute, list(active.required)))
    if not len(opinions):
        return {}
    starts = differs(opinions.attribute, opinions.image)
    attribute, image = opinions.attribute[starts], opinions.image[starts]
    certainty = np.zeros(len(attribute))
    for number in np.unique(attribute).tolist():
        mine = opinions.where(opinions.attribute == number)
        if number in models:
            p = models[number].posteriors(mine.cell, mine.labeller, mine.code)
            certainty[attribute == number] = p.max(axis=1)
        elif active.schema[active.names[number]].kind == "open":
            certainty[attribute == number] = _settled(mine)
    uncertain = (certainty < confidence) | (confidence == 1)
    image, attribute, certainty = image[uncertain], attribute[uncertain], certainty[uncertain]
    undecided = ~np.isin(cell_keys(image, attribute), _reviewed(session, np.unique(image).tolist()))
    image, attribute, certainty = image[undecided], attribute[undecided], certainty[undecided]
    order = np.lexsort((certainty, image))
    image, attribute = image[order], attribute[order]
    first = differs(image)
    return dict(zip(image[first].tolist(), attribute[first].tolist(), strict=True))


def _settled(opinions: Opinions) -> NDArray[np.bool_]:
    """Which cells of an open attribute have a value that most people answered, and two at least."""
    majority = majority_vote(Ratings.columns(opinions.cell, opinions.labeller, opinions.code))
    votes = majority.share * np.bincount(opinions.cell)
    return (majority.share > 0.5) & (votes > FEWEST - 0.5)


def _reviewed(session: Session, image_ids: Sequence[int]) -> Column:
    """The keys of the cells that a reviewer decided, among some images."""
    cells = [
        cell_keys(image, attribute)
        for start in range(0, len(image_ids), _BATCH)
        for image, attribute in session.connection().execute(
            _REVIEWED, {"image_ids": image_ids[start : start + _BATCH]}
        )
    ]
    return np.array(cells, np.int64)


_REVIEWED = (
    select(Label.image_id, Label.attribute_id)
    .join(Annotation, Annotation.id == Label.annotation_id)
    .where(is_listed(Label.image_id, "image_ids"), Annotation.origin == Origin.REVIEW)
)
