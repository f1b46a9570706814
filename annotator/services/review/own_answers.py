"""A labeller's own answers: all that a labeller sees of what was answered.

Labellers may still be asked about any image: it may be open, or gold, or want a further opinion. If they saw the answers of
others they would copy them, and if only these images were hidden, their absence would tell which ones are gold. So *Browse*
shows a labeller the same of every image: what they answered themselves. Reviewers see everything.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, ScalarSelect, and_, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from annotator.database.statements import is_listed
from annotator.domain.schema import CANNOT_TELL
from annotator.domain.states import PERSONAL, SubmissionKind
from annotator.errors import Forbidden
from annotator.formats.snapshot.images import MISSING
from annotator.models import Annotation, Image, Submission
from annotator.services.common.undone import is_cleared, is_undone
from annotator.services.schema.active import ActiveSchema

_KINDS = (SubmissionKind.ANSWER, SubmissionKind.SWEEP, SubmissionKind.PEOPLE, SubmissionKind.REVIEW)


def _own(labeller_id: ColumnElement[int] | int) -> ColumnElement[bool]:
    """The condition that an annotation, with its submission, is an answer of a labeller that still counts."""
    return and_(
        Submission.id == Annotation.submission_id,
        Submission.labeller_id == labeller_id,
        Submission.kind.in_(_KINDS),
        Annotation.origin.in_(PERSONAL),
        ~is_undone(),
        ~is_cleared(),
    )


def answered_by(labeller_id: int) -> ColumnElement[bool]:
    """The condition that a labeller answered any cell of an image."""
    return exists().where(Annotation.image_id == Image.id, _own(labeller_id))


def answered_among(session: Session, labeller_id: int, image_ids: Collection[int]) -> set[int]:
    """Choose from some images those that a labeller answered."""
    chosen = {"image_ids": list(image_ids), "labeller_id": labeller_id}
    return set(session.connection().scalars(_ANSWERED_AMONG, chosen))


_ANSWERED_AMONG = (
    select(Annotation.image_id)
    .join(Submission, Submission.id == Annotation.submission_id)
    .where(
        is_listed(Annotation.image_id, "image_ids"),
        _own(bindparam("labeller_id")),
    )
    .distinct()
)


def own_codes(
    session: Session, active: ActiveSchema, labeller_id: int, image_ids: Collection[int]
) -> dict[int, dict[str, int | None]]:
    """The newest answers of a labeller: image id → attribute → code; images without one are missing.

    A value that was merged since is given as the one that replaced it. A cell whose value was split is missing.
    """
    query = (
        select(Annotation.image_id, Annotation.attribute_id, Annotation.code)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(Annotation.image_id.in_(image_ids), _own(labeller_id))
        .order_by(Annotation.id)
    )
    codes: dict[int, dict[str, int | None]] = {}
    for image_id, attribute_id, code in session.execute(query):
        name, cells = active.names[attribute_id], codes.setdefault(image_id, {})
        cells[name] = current = code if code is None else active.replaced.get((attribute_id, code), code)
        if code is not None and current is None:
            del cells[name]
    return codes


def own_column(
    session: Session, active: ActiveSchema, labeller_id: int, attribute_id: int, size: int
) -> NDArray[np.int64]:
    """The newest answers of a labeller to one attribute by image id, with CANNOT_TELL and MISSING as codes.

    Args:
        session: a session.
        active: the active schema.
        labeller_id: the labeller.
        attribute_id: the attribute.
        size: the number of entries; images with higher ids are left out.
    """
    query = (
        select(Annotation.image_id, Annotation.code)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(Annotation.attribute_id == attribute_id, Annotation.image_id < size, _own(labeller_id))
        .order_by(Annotation.id)
    )
    column = np.full(size, MISSING, np.int64)
    for image_id, code in session.execute(query):
        current = CANNOT_TELL if code is None else active.replaced.get((attribute_id, code), code)
        column[image_id] = MISSING if current is None else current
    return column


def own_code(labeller_id: int, attribute_id: int) -> ScalarSelect[int | None]:
    """Select the code of a labeller's newest answer to an attribute of `Image`."""
    return (
        select(Annotation.code)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(
            Annotation.image_id == Image.id,
            Annotation.attribute_id == attribute_id,
            _own(labeller_id),
        )
        .order_by(Annotation.id.desc())
        .limit(1)
        .correlate(Image)
        .scalar_subquery()
    )


def has_own_code(
    active: ActiveSchema, labeller_id: int, attribute_id: int, code: int | None
) -> ColumnElement[bool]:
    """The condition that a labeller's newest answer to an attribute of an image is a code; None means "can't tell"."""
    newest = own_code(labeller_id, attribute_id)
    if code is None:
        return and_(answered_cell(labeller_id, attribute_id), newest.is_(None))
    older = [old for (number, old), now in active.replaced.items() if number == attribute_id and now == code]
    return or_(*(newest == each for each in (code, *older)))


def answered_cell(labeller_id: int, attribute_id: int) -> ColumnElement[bool]:
    """The condition that a labeller answered an attribute of an image, even with "can't tell"."""
    return exists().where(
        Annotation.image_id == Image.id, Annotation.attribute_id == attribute_id, _own(labeller_id)
    )


def check_answered(session: Session, labeller_id: int, image_id: int) -> None:
    """Refuse a labeller's correction of an image that they have not answered.

    Raises:
        Forbidden: if they have not.
    """
    if not answered_among(session, labeller_id, [image_id]):
        raise Forbidden(
            "not_answered",
            "You have not answered this image, so there is nothing of yours to correct.",
            do="Answer it when the page Label shows it to you.",
        )


def check_reviewers_view(labeller_id: int | None, what: str) -> None:
    """Refuse what would tell a labeller which images are asked blind, or what others answered.

    Args:
        labeller_id: the labeller who sees only their own answers; None: a reviewer.
        what: what was asked for, as the beginning of a sentence.

    Raises:
        Forbidden: if it is a labeller.
    """
    if labeller_id is not None:
        raise Forbidden(
            "only_own_answers",
            f"{what} is for reviewers: labellers see their own answers, so that their answers stay independent.",
            do="Leave it out, or ask an admin for the role reviewer.",
        )
