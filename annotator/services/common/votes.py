"""The opinions that count now, which are the last answer of each person to each cell, as columns.

A team's project has millions of answers, so they are read in one pass over the table, and sorted and counted as arrays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Integer, case, cast, func, select
from sqlalchemy.orm import Session

from annotator.database.statements import is_listed
from annotator.domain.states import INDEPENDENT, PERSONAL, Origin
from annotator.models import Annotation, Gold, Qualification, QualificationImage, Submission
from annotator.services.common.bulk_read import Column, read_columns
from annotator.services.common.counted import of_counted_image
from annotator.services.common.undone import is_cleared, is_undone
from annotator.services.schema.active import active_schema

Cell = tuple[int, int]
"""Image id, attribute id."""

CANNOT_TELL = -1
"""The code of "can't tell" in a column."""


@dataclass(frozen=True, eq=False)
class Opinions:
    """One answer per person and cell: columns of equal length, sorted by attribute, image and labeller."""

    attribute: Column
    image: Column
    labeller: Column
    code: Column
    accepted: Column
    """1 where a suggestion was accepted, else 0."""
    corrected: Column
    """1 where a suggestion was shown and not accepted, else 0."""

    def __len__(self) -> int:
        """The number of answers."""
        return len(self.code)

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Opinions:
        """The chosen answers, by mask or by index."""
        return Opinions(
            *(column[chosen] for column in (self.attribute, self.image, self.labeller, self.code)),
            *(column[chosen] for column in (self.accepted, self.corrected)),
        )

    def shared(self) -> Opinions:
        """The answers to cells that several people have answered."""
        cell = self.cell
        return self.where(np.bincount(cell)[cell] > 1) if len(self) else self

    @property
    def cell(self) -> Column:
        """A number for the cell of each answer, rising from 0."""
        return np.cumsum(differs(self.attribute, self.image)) - 1

    @property
    def keys(self) -> Column:
        """The key of the cell of each answer (`cell_keys`)."""
        return cell_keys(self.image, self.attribute)

    def without_cannot_tell(self) -> Opinions:
        """The answers other than "can't tell", which does not count where agreement is measured."""
        return self.where(self.code != CANNOT_TELL)


_ATTRIBUTE_BITS = 20
_Number = TypeVar("_Number", int, Column)


def cell_keys(image: _Number, attribute: _Number) -> _Number:
    """A number for each cell, in the order of images, then attributes."""
    return image << _ATTRIBUTE_BITS | attribute


def cells_of_keys(keys: Column) -> list[Cell]:
    """The cells of keys."""
    return list(
        zip((keys >> _ATTRIBUTE_BITS).tolist(), (keys & (2**_ATTRIBUTE_BITS - 1)).tolist(), strict=True)
    )


def among(opinions: Opinions, cells: Collection[int]) -> NDArray[np.bool_]:
    """Which opinions are about some cells, given by their keys."""
    chosen: NDArray[np.bool_] = np.isin(opinions.keys, np.array(list(cells), np.int64))
    return chosen


def read_opinions(session: Session, kinds: Collection[str]) -> Opinions:
    """Read the answers of submissions of these kinds that were not undone, in images that are not excluded.

    An answer whose value was merged since counts for the new value; an answer whose value was split no longer counts.
    """
    numbers, submission, attribute, image, code, accepted, corrected = read_columns(
        session,
        Annotation.id,
        [
            Annotation.id,
            Annotation.submission_id,
            Annotation.attribute_id,
            Annotation.image_id,
            func.coalesce(Annotation.code, CANNOT_TELL),
            case((Annotation.origin == Origin.SUGGESTION, 1), else_=0),
            cast(Annotation.corrected, Integer),
        ],
        Annotation.origin.in_(PERSONAL),
        of_counted_image(Annotation.image_id),
    )
    labeller = _labeller_of(session, kinds)[submission]
    labeller[_cleared(session, attribute, image, numbers)] = 0
    opinions = Opinions(attribute, image, labeller, code, accepted, corrected)
    return _current(_last(opinions, numbers), active_schema(session).replaced)


def read_opinions_of(session: Session, image_ids: Collection[int]) -> Opinions:
    """Read the independent answers to a few images, by an index; which of them count is as in `read_opinions`."""
    rows = session.connection().execute(_OF_IMAGES, {"image_ids": list(image_ids)}).all()
    table = np.array(rows, np.int64).reshape(-1, 7)
    numbers, *columns = table.T
    return _current(_last(Opinions(*columns), numbers), active_schema(session).replaced)


_OF_IMAGES = (
    select(
        Annotation.id,
        Annotation.attribute_id,
        Annotation.image_id,
        Submission.labeller_id,
        func.coalesce(Annotation.code, CANNOT_TELL),
        case((Annotation.origin == Origin.SUGGESTION, 1), else_=0),
        cast(Annotation.corrected, Integer),
    )
    .join(Submission, Submission.id == Annotation.submission_id)
    .where(
        is_listed(Annotation.image_id, "image_ids"),
        of_counted_image(Annotation.image_id),
        Annotation.origin.in_(PERSONAL),
        Submission.kind.in_(INDEPENDENT),
        ~is_undone(),
        ~is_cleared(),
    )
)


def gold_answers(session: Session) -> dict[Cell, int]:
    """The correct codes of the gold cells."""
    query = select(Gold.image_id, Gold.answers).where(of_counted_image(Gold.image_id))
    return {
        (image, int(attribute or 0)): CANNOT_TELL if code is None else code
        for image, answers in session.execute(query)
        for attribute, code in answers
    }


def answers_seen(session: Session) -> set[tuple[int, int]]:
    """(labeller, image) of gold images whose correct answers a qualification showed: these measure nobody."""
    query = select(Qualification.labeller_id, QualificationImage.image_id).join(
        Qualification, Qualification.id == QualificationImage.qualification_id
    )
    rows = session.execute(query.where(QualificationImage.answered_at.is_not(None)))
    return {(labeller, image) for labeller, image in rows}


def _labeller_of(session: Session, kinds: Collection[str]) -> Column:
    """By submission id: its labeller; 0 for submissions of another kind and for undone ones."""
    counts = (Submission.kind.in_(kinds), ~is_undone())
    # Two scans and an array are several times faster than a join, which looks up a submission for every annotation.
    numbers, people = read_columns(session, Submission.id, [Submission.id, Submission.labeller_id], *counts)
    newest = session.scalar(select(func.max(Submission.id))) or 0
    labellers = np.zeros(newest + 1, np.int64)
    labellers[numbers] = people
    return labellers


def _cleared(session: Session, attribute: Column, image: Column, numbers: Column) -> NDArray[np.bool_]:
    """Which annotations came before a clearing of their cell."""
    clearings = (
        select(Annotation.image_id, Annotation.attribute_id, func.max(Annotation.id))
        .where(Annotation.origin == Origin.CLEARED, ~is_undone(Annotation.submission_id))
        .group_by(Annotation.image_id, Annotation.attribute_id)
        .order_by(Annotation.image_id, Annotation.attribute_id)
    )
    rows = np.array(session.execute(clearings).all(), np.int64).reshape(-1, 3)
    if not len(rows):
        return np.zeros(len(numbers), bool)
    cells, cell = cell_keys(rows[:, 0], rows[:, 1]), cell_keys(image, attribute)
    place = np.minimum(np.searchsorted(cells, cell), len(cells) - 1)
    earlier: NDArray[np.bool_] = (cells[place] == cell) & (numbers < rows[place, 2])
    return earlier


def _last(opinions: Opinions, numbers: Column) -> Opinions:
    """The last answer of each person to each cell, sorted; `numbers` rise with time."""
    order = np.lexsort((numbers, opinions.labeller, opinions.image, opinions.attribute))
    ordered = opinions.where(order[opinions.labeller[order] > 0])
    new = differs(ordered.attribute, ordered.image, ordered.labeller)
    return ordered.where(np.r_[new[1:], True] if len(ordered) else new)


def differs(*columns: Column) -> NDArray[np.bool_]:
    """Where a row differs from the previous row; True for the first row."""
    new = np.zeros(len(columns[0]), bool)
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    new[:1] = True
    return new


def _current(opinions: Opinions, replaced: Mapping[Cell, int | None]) -> Opinions:
    """Apply merges and splits of values.

    Args:
        opinions: the answers.
        replaced: by attribute and code, the code that a value was merged into; None if it was split.
    """
    code, counts = opinions.code.copy(), np.ones(len(opinions), bool)
    for (attribute, old), new in replaced.items():
        concerned = (opinions.attribute == attribute) & (opinions.code == old)
        if new is None:
            counts &= ~concerned
        else:
            code[concerned] = new
    current = replace(opinions, code=code)
    return current if counts.all() else current.where(counts)
