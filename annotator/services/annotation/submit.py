"""Answers: taken once per idempotency key, kept for ever, taken back by an answer of their own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Row, bindparam, delete, exists, or_, select
from sqlalchemy.orm import Session, aliased

from annotator.domain.schema import Attribute, Schema
from annotator.domain.states import INDEPENDENT, Origin, SubmissionKind
from annotator.errors import FacelabelError, NotFound
from annotator.models import (
    Annotation,
    AskedAgain,
    AttributeRow,
    Gold,
    Image,
    Label,
    Lease,
    Skip,
    Submission,
    now,
)
from annotator.services.annotation.log import add_submission, annotate, find_submission
from annotator.services.annotation.undo import find_undoable, take_back
from annotator.services.schema.active import ActiveSchema, active_schema, unknown_attribute
from annotator.services.schema.open_values import code_of_person

Answer = int | str | None
"""A code, the name of a person (open attributes), or None for "can't tell"."""


@dataclass(frozen=True)
class Submitted:
    """One answer to one image as it came in. `accepted`, `corrected`: attributes whose suggestion was taken, or was not."""

    key: str
    image_id: int
    lease: str | None
    values: Mapping[str, Answer]
    accepted: frozenset[str] = field(default=frozenset())
    corrected: frozenset[str] = field(default=frozenset())
    skip: bool = False
    milliseconds: int | None = None
    reason: str | None = None

    def fingerprint(self) -> str:
        """What a repetition with the same key must agree in."""
        body = [self.image_id, self.lease, dict(self.values), sorted(self.accepted), self.skip]
        body += [self.reason] if self.reason else []
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """What became of a submission. `late`: somebody else had answered, so it was kept as an extra opinion."""

    key: str
    image_id: int
    labels: dict[str, int | None]
    late: bool


def submit(session: Session, labeller_id: int, submitted: Submitted) -> Outcome:
    """Keep an answer. The same key again gives the same outcome and changes nothing.

    Raises:
        Conflict: if the key was used for something else.
        NotFound: if there is no such image.
        FacelabelError: if an attribute or a value is not in the schema.
    """
    known = find_submission(session, submitted.key, submitted.fingerprint())
    if known is not None:
        return _outcome(session, known)
    if not session.connection().scalar(_IS_IMAGE, {"image_id": submitted.image_id}):
        raise NotFound(
            "unknown_image", f"There is no image {submitted.image_id}.", do="Ask for the next task."
        )
    active = active_schema(session)
    values = {active.current_name(name): value for name, value in submitted.values.items()}
    codes = {name: code_of_answer(session, active.schema, name, value) for name, value in values.items()}
    lease = session.connection().execute(_LEASE, {"image_id": submitted.image_id}).one_or_none()
    held = lease if lease is not None and lease.token == submitted.lease else None
    late = held is None and _is_late(session, submitted.image_id, labeller_id, lease)
    submission_id = add_submission(
        session,
        key=submitted.key,
        kind=SubmissionKind.SKIP if submitted.skip else SubmissionKind.ANSWER,
        fingerprint=submitted.fingerprint(),
        labeller_id=labeller_id,
        image_id=submitted.image_id,
        late=late,
        milliseconds=submitted.milliseconds,
        drawn=held.drawn if held is not None else None,
    )
    if submitted.skip:
        session.merge(Skip(image_id=submitted.image_id, labeller_id=labeller_id, reason=submitted.reason))
    if late:
        origins = dict.fromkeys(codes, Origin.OPINION)
    else:
        origins = {name: Origin.SUGGESTION if name in submitted.accepted else Origin.HUMAN for name in codes}
        # What is settled stands: an answer to it is one more opinion.
        stands = settled(session, active, submitted.image_id, labeller_id)
        origins |= dict.fromkeys(stands & codes.keys(), Origin.OPINION)
        session.connection().execute(_END_LEASE, {"image_id": submitted.image_id})
    annotate(session, active, submitted.image_id, submission_id, codes, origins, submitted.corrected)
    return Outcome(submitted.key, submitted.image_id, codes, late)


def undo(
    session: Session, labeller_id: int, key: str, undone_key: str | None
) -> tuple[Submission, dict[str, int | None]]:
    """Take back a submission of this labeller; without a key the last one that still counts.

    Returns the submission that was undone and the answers it had held.

    Raises:
        NotFound: if there is nothing to undo.
        Conflict: if it was undone already, or the key was used for something else.
    """
    fingerprint = hashlib.sha256(f"undo:{undone_key}".encode()).hexdigest()
    known = find_submission(session, key, fingerprint)
    if known is not None:
        target = session.get_one(Submission, known.undoes)
        return target, _values_of(session, target.id)
    target = find_undoable(
        session, labeller_id, undone_key, kinds=(SubmissionKind.ANSWER, SubmissionKind.SKIP)
    )
    values = _values_of(session, target.id)
    take_back(session, target, key, fingerprint)
    if target.kind == SubmissionKind.SKIP:
        session.execute(delete(Skip).where(Skip.image_id == target.image_id, Skip.labeller_id == labeller_id))
    return target, values


def adjudicated(session: Session, active: ActiveSchema, image_id: int) -> set[str]:
    """The attributes of an image whose label was decided by a reviewer."""
    numbers = session.connection().scalars(_ADJUDICATED, {"image_id": image_id})
    return {active.names[number] for number in numbers}


def settled(session: Session, active: ActiveSchema, image_id: int, labeller_id: int) -> set[str]:
    """The attributes of an image whose label does not change by an answer of this labeller.

    That is what a reviewer decided, what somebody else answered, and every label of a gold image, of one that was done
    when it was given out for a further opinion, and of one that was asked again because a label of it is suspicious.
    """
    return {
        active.names[attribute]
        for attribute, origin, owner, is_fixed, open_cells in session.connection().execute(
            _STANDING, {"image_id": image_id}
        )
        if origin == Origin.REVIEW
        or is_fixed
        or (owner != labeller_id and (origin != Origin.IMPORT or open_cells == 0))
    }


def _outcome(session: Session, row: Submission) -> Outcome:
    assert row.image_id is not None
    return Outcome(row.key, row.image_id, _values_of(session, row.id), row.late)


def _values_of(session: Session, submission_id: int) -> dict[str, int | None]:
    query = (
        select(AttributeRow.name, Annotation.code)
        .join(Annotation, Annotation.attribute_id == AttributeRow.id)
        .where(Annotation.submission_id == submission_id)
        .order_by(Annotation.id)
    )
    return dict(session.execute(query).all())


def code_of_answer(session: Session, schema: Schema, name: str, value: Answer) -> int | None:
    """The code of an answer; a person who is named for the first time is added."""
    try:
        attribute = schema[name]
    except KeyError:
        raise unknown_attribute(schema, name) from None
    if value is None:
        return None
    if attribute.kind == "open":
        return code_of_person(session, name, value)
    code = attribute.current(value) if type(value) is int else None
    if not any(v.code == code and v.status == "active" for v in attribute.values):
        raise _unknown_value(attribute, value)
    return code


def _unknown_value(attribute: Attribute, value: Answer) -> FacelabelError:
    known = ", ".join(f"{v.code} {v.name}" for v in attribute.values if v.status == "active")
    return FacelabelError(
        "unknown_value",
        f"{attribute.name} has no value {value!r}.",
        do=f"Its values are {known}; null means can't tell.",
    )


def _is_late(
    session: Session, image_id: int, labeller_id: int, lease: Row[str, int, datetime, float | None] | None
) -> bool:
    """Whether the image is somebody else's by now: leased to them, or answered by them.

    A lease that merely ran out, with nobody after it, is not held against the labeller.
    """
    if lease is not None and lease.labeller_id != labeller_id and lease.expires_at > now():
        return True
    other = aliased(Submission)
    undone = exists().where(other.undoes == Submission.id)
    answered_by_other = (
        select(Annotation.id)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(
            Annotation.image_id == image_id,
            Submission.kind.in_(INDEPENDENT),
            Submission.labeller_id != labeller_id,
            ~undone,
        )
    )
    return session.scalar(answered_by_other.limit(1)) is not None


_IS_IMAGE = select(exists().where(Image.id == bindparam("image_id")))
_LEASE = select(Lease.token, Lease.labeller_id, Lease.expires_at, Lease.drawn).where(
    Lease.image_id == bindparam("image_id")
)
_END_LEASE = delete(Lease).where(Lease.image_id == bindparam("image_id"))
_ADJUDICATED = (
    select(Label.attribute_id)
    .join(Annotation, Annotation.id == Label.annotation_id)
    .where(Label.image_id == bindparam("image_id"), Annotation.origin == Origin.REVIEW)
)
_STANDING = (
    select(
        Label.attribute_id,
        Annotation.origin,
        Submission.labeller_id,
        or_(Gold.id.is_not(None), exists().where(AskedAgain.image_id == Label.image_id)),
        Image.open_cells,
    )
    .join(Annotation, Annotation.id == Label.annotation_id)
    .join(Submission, Submission.id == Annotation.submission_id)
    .join(Image, Image.id == Label.image_id)
    .outerjoin(Gold, Gold.image_id == Label.image_id)
    .where(Label.image_id == bindparam("image_id"))
)
