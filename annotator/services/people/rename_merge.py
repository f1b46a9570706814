"""Rename people, merge people who are the same, and undo what was said about people."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from annotator.domain.states import Origin, SubmissionKind
from annotator.errors import Conflict, FacelabelError, NotFound
from annotator.models import (
    Annotation,
    Label,
    Labeller,
    NotThisPerson,
    PersonChange,
    Submission,
    ValueRow,
)
from annotator.services.annotation.log import add_submission, annotate_all, find_submission
from annotator.services.annotation.undo import find_undoable, undo_submission
from annotator.services.common.undone import is_undone
from annotator.services.people.face_sets import identity_attribute
from annotator.services.schema.active import active_schema
from annotator.services.schema.open_values import UNKNOWN_PERSON, clean_name

_CHUNK = 500


@dataclass(frozen=True)
class PersonEvent:
    """One line of a person's history: a new name, or (if `into` is set) a merge into another person."""

    code: int
    before: str
    after: str
    into: int | None
    labeller: str
    created_at: datetime
    undone: bool


def get_person(session: Session, code: int) -> ValueRow:
    """Find a person by code.

    Raises:
        NotFound: if there is no such person, or the person was merged into another one.
    """
    attribute_id, _ = identity_attribute(session)
    row = session.get(ValueRow, (attribute_id, code))
    if row is None or row.status != "active":
        merged = f": they were merged into {row.merged_into}" if row is not None else ""
        raise NotFound(
            "unknown_person", f"There is no person with the code {code}{merged}.", do="Search for the name."
        )
    return row


def rename(session: Session, labeller_id: int, key: str, code: int, name: str) -> ValueRow:
    """Give a person another name. The code and every label stay. A repetition with the same key changes nothing.

    Raises:
        NotFound: if there is no such person.
        Conflict: if somebody else has the name, or the key was used for another request.
        FacelabelError: if the name is not allowed.
    """
    fingerprint = hashlib.sha256(f"rename:{code}:{name}".encode()).hexdigest()
    if find_submission(session, key, fingerprint, labeller_id) is not None:
        return get_person(session, code)
    person = _changeable(session, code)
    name = _new_name(session, person, name)
    submission_id = _submission(session, key, SubmissionKind.RENAME, fingerprint, labeller_id)
    session.add(
        PersonChange(
            submission_id=submission_id,
            attribute_id=person.attribute_id,
            code=code,
            before=person.name,
            after=name,
            into=None,
        )
    )
    person.name = name
    session.flush()
    return person


def merge(session: Session, labeller_id: int, key: str, code: int, into: int) -> int:
    """Merge a person into another one: the code is retired, and each of its labels gets a new annotation.

    From now on the name and the code of the first person mean the second one. A repetition with the same key changes nothing.

    Returns:
        The number of images of the first person.

    Raises:
        NotFound: if there is no such person.
        Conflict: if the key was used for another request.
        FacelabelError: if both are the same person.
    """
    fingerprint = hashlib.sha256(f"merge:{code}:{into}".encode()).hexdigest()
    existing = find_submission(session, key, fingerprint, labeller_id)
    if existing is not None:
        merged = select(Annotation.id).where(Annotation.submission_id == existing.id)
        return len(session.scalars(merged).all())
    if code == into:
        raise FacelabelError("same_person", "That is the same person.", do="Choose two people.")
    person, other = _changeable(session, code), _changeable(session, into)
    submission_id = _submission(session, key, SubmissionKind.MERGE, fingerprint, labeller_id)
    session.add(
        PersonChange(
            submission_id=submission_id,
            attribute_id=person.attribute_id,
            code=code,
            before=person.name,
            after=other.name,
            into=into,
        )
    )
    images = images_of(session, person.attribute_id, code)
    person.status, person.merged_into = "retired", into
    session.flush()
    active = active_schema(session)
    name = active.names[person.attribute_id]
    for start in range(0, len(images), _CHUNK):
        some = images[start : start + _CHUNK]
        annotate_all(session, active, submission_id, [(image, name, into, Origin.MERGE) for image in some])
    return len(images)


def images_of(session: Session, attribute_id: int, code: int) -> list[int]:
    """The ids of the images whose label is this person."""
    query = select(Label.image_id).where(Label.attribute_id == attribute_id, Label.code == code)
    return list(session.scalars(query.order_by(Label.image_id)))


def undo_people_change(
    session: Session, labeller_id: int, key: str, undone_key: str | None
) -> tuple[Submission, list[int]]:
    """Undo a confirmed set, a split, a renaming or a merge of this labeller; without a key, the last one that was not undone.

    A repetition with the same key changes nothing.

    Returns:
        What was undone, and its images.

    Raises:
        NotFound: if there is nothing to undo.
        Conflict: if it was undone already, or a later change prevents it.
    """
    fingerprint = hashlib.sha256(f"undo-people:{undone_key}".encode()).hexdigest()
    existing = find_submission(session, key, fingerprint, labeller_id)
    if existing is not None:
        target = session.get_one(Submission, existing.undoes)
    else:
        target = find_undoable(session, labeller_id, undone_key, kinds=tuple(_UNDO_STEPS))
        _UNDO_STEPS[SubmissionKind(target.kind)](session, target)
        undo_submission(session, target, key, fingerprint)
    images = select(Annotation.image_id).where(Annotation.submission_id == target.id)
    return target, list(session.scalars(images.order_by(Annotation.image_id)))


def _forget_exceptions(session: Session, target: Submission) -> None:
    session.execute(delete(NotThisPerson).where(NotThisPerson.submission_id == target.id))


def _undo_renaming(session: Session, target: Submission) -> None:
    change = session.get_one(PersonChange, target.id)
    person = _changeable(session, change.code)
    if person.name != change.after:
        raise Conflict(
            "renamed_since",
            f"{change.after} was renamed again to {person.name}.",
            do="Rename the person once more.",
        )
    person.name = _new_name(session, person, change.before)
    session.flush()


def _undo_merge(session: Session, target: Submission) -> None:
    change = session.get_one(PersonChange, target.id)
    person = session.get_one(ValueRow, (change.attribute_id, change.code))
    person.status, person.merged_into = "active", None
    session.flush()


_UNDO_STEPS: dict[SubmissionKind, Callable[[Session, Submission], None]] = {
    SubmissionKind.PEOPLE: _forget_exceptions,
    SubmissionKind.SPLIT: _forget_exceptions,
    SubmissionKind.RENAME: _undo_renaming,
    SubmissionKind.MERGE: _undo_merge,
}
"""What each kind needs before its annotations are undone."""


def history_of(session: Session, attribute_id: int, code: int) -> list[PersonEvent]:
    """Read a person's renamings and merges, newest first."""
    query = (
        select(PersonChange, Labeller.name, Submission.created_at, is_undone())
        .join(Submission, Submission.id == PersonChange.submission_id)
        .join(Labeller, Labeller.id == Submission.labeller_id)
        .where(
            PersonChange.attribute_id == attribute_id,
            or_(PersonChange.code == code, PersonChange.into == code),
        )
        .order_by(PersonChange.submission_id.desc())
    )
    return [
        PersonEvent(c.code, c.before, c.after, c.into, labeller, created_at, bool(undone))
        for c, labeller, created_at, undone in session.execute(query)
    ]


def _changeable(session: Session, code: int) -> ValueRow:
    person = get_person(session, code)
    if person.name == UNKNOWN_PERSON:
        raise FacelabelError(
            "not_a_person", f"“{UNKNOWN_PERSON}” is a fixed answer, not a person.", do="Choose a person."
        )
    return person


def _new_name(session: Session, person: ValueRow, text: str) -> str:
    name = clean_name(text)
    if name == UNKNOWN_PERSON:
        raise FacelabelError("bad_name", f"“{name}” is a fixed answer.", do="Send another name.")
    other = session.scalar(
        select(ValueRow).where(
            ValueRow.attribute_id == person.attribute_id, ValueRow.name == name, ValueRow.code != person.code
        )
    )
    if other is not None:
        merged = " was merged into another one and" if other.status != "active" else ""
        raise Conflict(
            "name_taken",
            f"The person with the code {other.code}{merged} has the name {name}.",
            do="If both are the same person, merge them; otherwise choose another name.",
        )
    return name


def _submission(session: Session, key: str, kind: SubmissionKind, fingerprint: str, labeller_id: int) -> int:
    return add_submission(
        session, key=key, kind=kind, fingerprint=fingerprint, labeller_id=labeller_id, image_id=None
    )
