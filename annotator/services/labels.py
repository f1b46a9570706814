"""Answers: taken once per idempotency key, kept for ever, taken back by an answer of their own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.orm import Session, aliased

from annotator.domain.schema import Attribute, Schema
from annotator.errors import Conflict, FacelabelError, NotFound
from annotator.models import (
    Annotation,
    AttributeRow,
    Gold,
    Image,
    Label,
    Lease,
    Skip,
    Submission,
    ValueRow,
    now,
)
from annotator.services.counts import add_done
from annotator.services.groups import regroup
from annotator.services.overlap import note_answers
from annotator.services.people import code_of_person
from annotator.services.schema_in_force import SchemaInForce, schema_in_force, unknown_attribute
from annotator.services.unanswered import forget_passed

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
    image = session.get(Image, submitted.image_id)
    if image is None:
        raise NotFound(
            "unknown_image", f"There is no image {submitted.image_id}.", do="Ask for the next task."
        )
    force = schema_in_force(session)
    codes = {
        name: code_of_answer(session, force.schema, name, value) for name, value in submitted.values.items()
    }
    late = _is_late(session, image, labeller_id, submitted.lease)
    row = add_submission(
        session,
        key=submitted.key,
        kind="skip" if submitted.skip else "answer",
        fingerprint=submitted.fingerprint(),
        labeller_id=labeller_id,
        image_id=image.id,
        late=late,
        milliseconds=submitted.milliseconds,
    )
    if submitted.skip:
        session.merge(Skip(image_id=image.id, labeller_id=labeller_id, reason=submitted.reason))
    if late:
        origins = dict.fromkeys(codes, "opinion")
    else:
        origins = {name: "suggestion" if name in submitted.accepted else "human" for name in codes}
        # What is settled stands: an answer to it is one more opinion.
        origins |= dict.fromkeys(settled(session, force, image, labeller_id) & codes.keys(), "opinion")
        session.execute(delete(Lease).where(Lease.image_id == image.id))
    annotate(session, force, image, row.id, codes, origins, submitted.corrected)
    return Outcome(row.key, image.id, codes, late)


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
    target = find_undoable(session, labeller_id, undone_key, kinds=("answer", "skip"))
    values = _values_of(session, target.id)
    take_back(session, target, key, fingerprint)
    if target.kind == "skip":
        session.execute(delete(Skip).where(Skip.image_id == target.image_id, Skip.labeller_id == labeller_id))
    return target, values


def take_back(session: Session, target: Submission, key: str, fingerprint: str) -> None:
    """Make all annotations of a submission, of one image or of many, count no longer."""
    row = add_submission(
        session,
        key=key,
        kind="undo",
        fingerprint=fingerprint,
        labeller_id=target.labeller_id,
        image_id=target.image_id,
        undoes=target.id,
    )
    cells = list(
        session.execute(
            select(Annotation.image_id, Annotation.attribute_id).where(Annotation.submission_id == target.id)
        )
    )
    session.add_all(
        Annotation(submission_id=row.id, image_id=image, attribute_id=attribute, code=None, origin="undo")
        for image, attribute in cells
    )
    session.flush()
    for image, attribute in cells:
        _restore_label(session, image, attribute)
    force = schema_in_force(session)
    _follow_merges(session, force, row.id, {image for image, _ in cells})
    images = set(session.scalars(select(Image).where(Image.id.in_({image for image, _ in cells}))))
    _update_images(session, force, images)
    note_answers(session, images)
    forget_passed()


def annotate(
    session: Session,
    force: SchemaInForce,
    image: Image,
    submission_id: int,
    codes: Mapping[str, int | None],
    origins: Mapping[str, str],
    corrected: Collection[str] = (),
) -> None:
    """Add annotations to an image; those that are not mere opinions become its labels."""
    answers = [(image, name, code, origins[name]) for name, code in codes.items()]
    annotate_all(session, force, submission_id, answers, corrected)


def annotate_all(
    session: Session,
    force: SchemaInForce,
    submission_id: int,
    answers: Collection[tuple[Image, str, int | None, str]],
    corrected: Collection[str] = (),
) -> None:
    """Add annotations (image, attribute, code, origin) to any images, as `annotate`."""
    added = [
        Annotation(
            submission_id=submission_id,
            image_id=image.id,
            attribute_id=force.ids[name],
            code=code,
            origin=origin,
            corrected=name in corrected,
        )
        for image, name, code, origin in answers
    ]
    session.add_all(added)
    session.flush()
    labels = [
        {"image_id": a.image_id, "attribute_id": a.attribute_id, "code": a.code, "annotation_id": a.id}
        for a in added
        if a.origin != "opinion"
    ]
    if labels:
        put_labels(session, labels)
        labelled = {label["image_id"] for label in labels}
        _update_images(session, force, {image for image, *_ in answers if image.id in labelled})
    note_answers(session, {image for image, *_ in answers})


def adjudicated(session: Session, force: SchemaInForce, image_id: int) -> set[str]:
    """The attributes of an image whose label was decided by a reviewer."""
    query = (
        select(Label.attribute_id)
        .join(Annotation, Annotation.id == Label.annotation_id)
        .where(Label.image_id == image_id, Annotation.origin == "review")
    )
    return {force.names[number] for number in session.scalars(query)}


def settled(session: Session, force: SchemaInForce, image: Image, labeller_id: int) -> set[str]:
    """The attributes of an image whose label does not change by an answer of this labeller.

    That is what a reviewer decided, what somebody else answered, and every label of a gold image or of one that was done
    when it was given out for a further opinion.
    """
    query = (
        select(Label.attribute_id, Annotation.origin, Submission.labeller_id, Gold.id.is_not(None))
        .join(Annotation, Annotation.id == Label.annotation_id)
        .join(Submission, Submission.id == Annotation.submission_id)
        .outerjoin(Gold, Gold.image_id == Label.image_id)
        .where(Label.image_id == image.id)
    )
    return {
        force.names[attribute]
        for attribute, origin, owner, is_gold in session.execute(query)
        if origin == "review"
        or is_gold
        or (owner != labeller_id and (origin != "import" or image.open_cells == 0))
    }


def put_labels(session: Session, labels: list[dict[str, Any]]) -> None:
    """Write labels over what stands in their cells."""
    session.execute(insert(Label).prefix_with("OR REPLACE", dialect="sqlite"), labels)


def add_submission(session: Session, **columns: Any) -> Submission:
    """Write down that something was acknowledged."""
    row = Submission(**({"late": False, "undoes": None, "milliseconds": None, "created_at": now()} | columns))
    session.add(row)
    session.flush()
    return row


def find_submission(session: Session, key: str, fingerprint: str) -> Submission | None:
    """The submission that was made with this key.

    Raises:
        Conflict: if it was made with another body.
    """
    row = session.scalar(select(Submission).where(Submission.key == key))
    if row is not None and row.fingerprint != fingerprint:
        raise Conflict(
            "key_reused",
            f"The idempotency key {key!r} was used for another request.",
            kept="The first request's outcome stands.",
            do="Make a new random key for every answer.",
        )
    return row


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
    if isinstance(value, bool) or not any(v.code == value and v.status == "active" for v in attribute.values):
        raise _unknown_value(attribute, value)
    return int(value)


def _unknown_value(attribute: Attribute, value: Answer) -> FacelabelError:
    known = ", ".join(f"{v.code} {v.name}" for v in attribute.values if v.status == "active")
    return FacelabelError(
        "unknown_value",
        f"{attribute.name} has no value {value!r}.",
        do=f"Its values are {known}; null means can't tell.",
    )


def _is_late(session: Session, image: Image, labeller_id: int, token: str | None) -> bool:
    """Whether the image is somebody else's by now: leased to them, or answered by them.

    A lease that merely ran out, with nobody after it, is not held against the labeller.
    """
    lease = session.get(Lease, image.id)
    if lease is not None and token is not None and lease.token == token:
        return False
    if lease is not None and lease.labeller_id != labeller_id and lease.expires_at > now():
        return True
    other = aliased(Submission)
    undone = exists().where(other.undoes == Submission.id)
    answered_by_other = (
        select(Annotation.id)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(
            Annotation.image_id == image.id,
            Submission.kind.in_(("answer", "sweep")),
            Submission.labeller_id != labeller_id,
            ~undone,
        )
    )
    return session.scalar(answered_by_other.limit(1)) is not None


def find_undoable(
    session: Session, labeller_id: int, key: str | None, *, kinds: tuple[str, ...]
) -> Submission:
    """The labeller's submission with this key, or without a key their last one that still counts.

    Raises:
        NotFound: if there is none of these kinds.
        Conflict: if it was taken back already.
    """
    later = aliased(Submission)
    undone = exists().where(later.undoes == Submission.id)
    query = select(Submission).where(Submission.labeller_id == labeller_id, Submission.kind.in_(kinds))
    if key is not None:
        target = session.scalar(query.where(Submission.key == key))
        if target is not None and session.scalar(select(later.id).where(later.undoes == target.id)):
            raise Conflict(
                "already_undone",
                f"The answer {key!r} was taken back already.",
                do="Go on with the next image.",
            )
    else:
        target = session.scalar(query.where(~undone).order_by(Submission.id.desc()).limit(1))
    if target is None:
        raise NotFound(
            "nothing_to_undo", "There is no answer of yours to take back.", do="Go on with the next image."
        )
    return target


def _restore_label(session: Session, image_id: int, attribute_id: int) -> None:
    """Set a cell's label to the newest annotation that still counts, or to none."""
    later = aliased(Submission)
    newest = session.scalar(
        select(Annotation)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(
            Annotation.image_id == image_id,
            Annotation.attribute_id == attribute_id,
            Annotation.origin.in_(("human", "suggestion", "review", "import", "aggregate", "merge")),
            ~exists().where(later.undoes == Submission.id),
        )
        .order_by(Annotation.id.desc())
        .limit(1)
    )
    if newest is None:
        session.execute(delete(Label).where(Label.image_id == image_id, Label.attribute_id == attribute_id))
    else:
        session.merge(
            Label(image_id=image_id, attribute_id=attribute_id, code=newest.code, annotation_id=newest.id)
        )
    session.flush()


def _follow_merges(
    session: Session, force: SchemaInForce, submission_id: int, images: Collection[int]
) -> None:
    """Labels that came back may name a person who was merged into another one since: they follow."""
    merged = (
        select(Image, Label.attribute_id, Label.code)
        .join(Label, Label.image_id == Image.id)
        .join(ValueRow, (ValueRow.attribute_id == Label.attribute_id) & (ValueRow.code == Label.code))
        .where(Label.image_id.in_(images), ValueRow.merged_into.is_not(None))
    )
    answers = [
        (
            image,
            force.names[attribute],
            code_of_person(session, force.names[attribute], int(code or 0)),
            "merge",
        )
        for image, attribute, code in session.execute(merged)
    ]
    annotate_all(session, force, submission_id, answers)


def _update_images(session: Session, force: SchemaInForce, images: Collection[Image]) -> None:
    """Bring what is derived from images' labels up to date: open cells, the project's count, group and split."""
    labels: dict[int, dict[int, int | None]] = {image.id: {} for image in images}
    query = select(Label.image_id, Label.attribute_id, Label.code).where(Label.image_id.in_(labels))
    for image_id, attribute_id, code in session.execute(query):
        labels[image_id][attribute_id] = code
    difference = 0
    for image in images:
        before = image.open_cells
        image.open_cells = force.open_cells(labels[image.id])
        difference += int(image.open_cells == 0) - int(before == 0)
        regroup(session, force, image, labels[image.id])
    add_done(session, difference)
