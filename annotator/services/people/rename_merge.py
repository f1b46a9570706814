"""Renaming people, merging those who are one, and taking back what was said about people."""

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
from annotator.services.annotation.undo import find_undoable, take_back
from annotator.services.common.undone import is_undone
from annotator.services.people.face_sets import identity_attribute
from annotator.services.schema.active import active_schema
from annotator.services.schema.open_values import UNKNOWN_PERSON, clean_name

_CHUNK = 500


@dataclass(frozen=True)
class Changed:
    """One line of a person's history: a new name, or (`into`) a merge with another person."""

    code: int
    before: str
    after: str
    into: int | None
    labeller: str
    created_at: datetime
    undone: bool


def get_person(session: Session, code: int) -> ValueRow:
    """A person who was not merged into another one.

    Raises:
        NotFound: if there is none with this code.
    """
    attribute_id, _ = identity_attribute(session)
    row = session.get(ValueRow, (attribute_id, code))
    if row is None or row.status != "active":
        merged = f": it was merged into {row.merged_into}" if row is not None else ""
        raise NotFound(
            "unknown_person", f"There is no person with the code {code}{merged}.", do="Look for the name."
        )
    return row


def rename(session: Session, labeller_id: int, key: str, code: int, name: str) -> ValueRow:
    """Give a person another name; the code, and with it every label, stays. The same key again changes nothing.

    Raises:
        NotFound: if there is no such person.
        Conflict: if somebody else has the name, or the key was used for something else.
        FacelabelError: if the name will not do.
    """
    fingerprint = hashlib.sha256(f"rename:{code}:{name}".encode()).hexdigest()
    if find_submission(session, key, fingerprint) is not None:
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
    """Two people are one: the first one's code is retired, and every label that has it gets a new annotation.

    The same key again changes nothing. A name or code of the first one means the second one from now on.

    Returns:
        how many images were the first one's.

    Raises:
        NotFound: if there is no such person.
        Conflict: if the key was used for something else.
        FacelabelError: if both are the same.
    """
    fingerprint = hashlib.sha256(f"merge:{code}:{into}".encode()).hexdigest()
    known = find_submission(session, key, fingerprint)
    if known is not None:
        return len(session.scalars(select(Annotation.id).where(Annotation.submission_id == known.id)).all())
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
    """The images whose label is this person."""
    query = select(Label.image_id).where(Label.attribute_id == attribute_id, Label.code == code)
    return list(session.scalars(query.order_by(Label.image_id)))


def undo_about_people(
    session: Session, labeller_id: int, key: str, undone_key: str | None
) -> tuple[Submission, list[int]]:
    """Take back a set, a new name or a merge of this labeller; without a key the last one that still counts.

    The same key again changes nothing. Returns what was taken back, and the images it was about.

    Raises:
        NotFound: if there is nothing to undo.
        Conflict: if it was undone already, or something that came after it stands in the way.
    """
    fingerprint = hashlib.sha256(f"undo-people:{undone_key}".encode()).hexdigest()
    known = find_submission(session, key, fingerprint)
    if known is not None:
        target = session.get_one(Submission, known.undoes)
    else:
        target = find_undoable(session, labeller_id, undone_key, kinds=tuple(_BEFORE))
        _BEFORE[SubmissionKind(target.kind)](session, target)
        take_back(session, target, key, fingerprint)
    images = select(Annotation.image_id).where(Annotation.submission_id == target.id)
    return target, list(session.scalars(images.order_by(Annotation.image_id)))


def _forget_exceptions(session: Session, target: Submission) -> None:
    session.execute(delete(NotThisPerson).where(NotThisPerson.submission_id == target.id))


def _take_name_back(session: Session, target: Submission) -> None:
    change = session.get_one(PersonChange, target.id)
    person = _changeable(session, change.code)
    if person.name != change.after:
        raise Conflict(
            "renamed_since",
            f"{change.after} was renamed again to {person.name}.",
            do="Rename them once more.",
        )
    person.name = _new_name(session, person, change.before)
    session.flush()


def _part_again(session: Session, target: Submission) -> None:
    change = session.get_one(PersonChange, target.id)
    person = session.get_one(ValueRow, (change.attribute_id, change.code))
    person.status, person.merged_into = "active", None
    session.flush()


_BEFORE: dict[SubmissionKind, Callable[[Session, Submission], None]] = {
    SubmissionKind.PEOPLE: _forget_exceptions,
    SubmissionKind.RENAME: _take_name_back,
    SubmissionKind.MERGE: _part_again,
}
"""What has to be done for each kind before its annotations are taken back."""


def history_of(session: Session, attribute_id: int, code: int) -> list[Changed]:
    """A person's names and merges, the newest first."""
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
        Changed(c.code, c.before, c.after, c.into, labeller, created_at, bool(undone))
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
            do="If they are one person, merge them; else choose another name.",
        )
    return name


def _submission(session: Session, key: str, kind: SubmissionKind, fingerprint: str, labeller_id: int) -> int:
    return add_submission(
        session, key=key, kind=kind, fingerprint=fingerprint, labeller_id=labeller_id, image_id=None
    )
