"""What everybody said, as it counts now: the last answer of each person to each cell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from annotator.models import Annotation, Submission
from annotator.services.schema_in_force import schema_in_force

Cell = tuple[int, int]
"""Image id, attribute id."""


class Opinion(NamedTuple):
    """One person's answer to a cell."""

    code: int | None
    origin: str
    corrected: bool


Opinions = Mapping[Cell, Mapping[int, Opinion]]
"""Per cell, the answer of each labeller."""


def read_opinions(session: Session, kinds: Collection[str]) -> Opinions:
    """The answers that were given in submissions of some kinds and not taken back; imports and undos are none.

    An answer whose value was merged since means the other one; one whose value was split no longer counts.
    """
    replaced = schema_in_force(session).replaced
    later = aliased(Submission)
    connection = session.connection()
    # Two scans and a dictionary are several times faster than a join that looks a submission up for every annotation.
    counting = select(Submission.id, Submission.labeller_id).where(
        Submission.kind.in_(kinds), ~exists().where(later.undoes == Submission.id)
    )
    labellers = dict(connection.execute(counting).all())
    answers = (
        select(
            Annotation.submission_id,
            Annotation.image_id,
            Annotation.attribute_id,
            Annotation.code,
            Annotation.origin,
            Annotation.corrected,
        )
        .where(Annotation.origin.in_(("human", "suggestion", "opinion")))
        .order_by(Annotation.id)
    )
    found: dict[Cell, dict[int, Opinion]] = defaultdict(dict)
    for submission, image, attribute, code, origin, corrected in connection.execute(answers).yield_per(
        20_000
    ):
        labeller = labellers.get(submission)
        if labeller is None:
            continue
        current = code if code is None else replaced.get((attribute, code), code)
        if current is None and code is not None:  # its value was split
            found[image, attribute].pop(labeller, None)
        else:
            found[image, attribute][labeller] = Opinion(current, origin, corrected)
    return found
