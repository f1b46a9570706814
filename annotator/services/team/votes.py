"""What everybody said, as it counts now: the last answer of each person to each cell, as columns.

A team's project has millions of answers: they are read in one pass over the table, and sorted and counted as arrays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Integer, case, cast, func, select
from sqlalchemy.orm import Session

from annotator.domain.states import PERSONAL, Origin
from annotator.models import Annotation, Gold, Submission
from annotator.services.common.bulk_read import Column, read_columns
from annotator.services.common.undone import is_undone
from annotator.services.schema.active import active_schema

Cell = tuple[int, int]
"""Image id, attribute id."""

CANNOT_TELL = -1
"""The code of "can't tell" in a column."""


@dataclass(frozen=True, eq=False)
class Opinions:
    """Answers, one of a person to a cell: columns of equal length, sorted by attribute, image and labeller."""

    attribute: Column
    image: Column
    labeller: Column
    code: Column
    accepted: Column
    """1 where a suggestion was taken as it was, else 0."""
    corrected: Column
    """1 where a suggestion was shown and not taken, else 0."""

    def __len__(self) -> int:
        """How many answers there are."""
        return len(self.code)

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Opinions:
        """Some of the answers: those that are marked, or at these places."""
        return Opinions(
            *(column[chosen] for column in (self.attribute, self.image, self.labeller, self.code)),
            *(column[chosen] for column in (self.accepted, self.corrected)),
        )

    def shared(self) -> Opinions:
        """The answers to cells that several people answered."""
        cell = self.cell
        return self.where(np.bincount(cell)[cell] > 1) if len(self) else self

    @property
    def cell(self) -> Column:
        """The number of each answer's cell, rising."""
        return np.cumsum(differs(self.attribute, self.image)) - 1

    def told_apart(self) -> Opinions:
        """Without "can't tell", which is no answer where agreement is measured."""
        return self.where(self.code != CANNOT_TELL)


def read_opinions(session: Session, kinds: Collection[str]) -> Opinions:
    """The answers that were given in submissions of some kinds and not taken back; imports and undos are none.

    An answer whose value was merged since means the other one; one whose value was split no longer counts.
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
    )
    labeller = _labeller_of(session, kinds)[submission]
    said = Opinions(attribute, image, labeller, code, accepted, corrected)
    return _current(_last(said, numbers), active_schema(session).replaced)


def known_answers(session: Session) -> dict[Cell, int]:
    """The codes of the gold cells."""
    return {
        (image, int(attribute or 0)): CANNOT_TELL if code is None else code
        for image, answers in session.execute(select(Gold.image_id, Gold.answers))
        for attribute, code in answers
    }


def _labeller_of(session: Session, kinds: Collection[str]) -> Column:
    """By number of a submission, whose it is; 0 for those of another kind and those that were taken back."""
    counts = (Submission.kind.in_(kinds), ~is_undone())
    # Two scans and an array are several times faster than a join that looks a submission up for every annotation.
    numbers, people = read_columns(session, Submission.id, [Submission.id, Submission.labeller_id], *counts)
    newest = session.scalar(select(func.max(Submission.id))) or 0
    found = np.zeros(newest + 1, np.int64)
    found[numbers] = people
    return found


def _last(said: Opinions, numbers: Column) -> Opinions:
    """The last answer of each person to each cell, sorted; `numbers`: which answer came after which."""
    order = np.lexsort((numbers, said.labeller, said.image, said.attribute))
    ordered = said.where(order[said.labeller[order] > 0])
    new = differs(ordered.attribute, ordered.image, ordered.labeller)
    return ordered.where(np.r_[new[1:], True] if len(ordered) else new)


def differs(*columns: Column) -> NDArray[np.bool_]:
    """Where a row is not like the one before it."""
    new = np.zeros(len(columns[0]), bool)
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    new[:1] = True
    return new


def _current(said: Opinions, replaced: Mapping[Cell, int | None]) -> Opinions:
    """With what became of values that were merged or split; `replaced`: by attribute and code."""
    code, counts = said.code.copy(), np.ones(len(said), bool)
    for (attribute, old), current in replaced.items():
        concerned = (said.attribute == attribute) & (said.code == old)
        if current is None:
            counts &= ~concerned
        else:
            code[concerned] = current
    told = Opinions(said.attribute, said.image, said.labeller, code, said.accepted, said.corrected)
    return told if counts.all() else told.where(counts)
