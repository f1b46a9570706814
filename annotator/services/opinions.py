"""What everybody said, as it counts now: the last answer of each person to each cell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from annotator.models import Annotation, Submission

Cell = tuple[int, int]
"""Image id, attribute id."""


@dataclass(frozen=True)
class Opinion:
    """One person's answer to a cell."""

    code: int | None
    origin: str
    corrected: bool


Opinions = Mapping[Cell, Mapping[int, Opinion]]
"""Per cell, the answer of each labeller."""


def read_opinions(session: Session, kinds: Collection[str]) -> Opinions:
    """The answers that were given in submissions of some kinds and not taken back; imports and undos are none."""
    later = aliased(Submission)
    query = (
        select(
            Annotation.image_id,
            Annotation.attribute_id,
            Submission.labeller_id,
            Annotation.code,
            Annotation.origin,
            Annotation.corrected,
        )
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(
            Submission.kind.in_(kinds),
            Annotation.origin.in_(("human", "suggestion", "opinion")),
            ~exists().where(later.undoes == Submission.id),
        )
        .order_by(Annotation.id)
    )
    found: dict[Cell, dict[int, Opinion]] = defaultdict(dict)
    for image, attribute, labeller, code, origin, corrected in session.execute(query):
        found[image, attribute][labeller] = Opinion(code, origin, corrected)
    return found
