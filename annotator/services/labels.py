"""Answers: taken once per idempotency key, kept for ever, taken back by an answer of their own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, exists, func, insert, select, update
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
from annotator.services.groups import group_of, mark_stale, split_rule
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


class NewAnnotation(NamedTuple):
    """One answer to one cell, as it is added. `corrected`: another value was suggested and shown."""

    image_id: int
    attribute_id: int
    code: int | None
    origin: str
    corrected: bool = False


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
    force = schema_in_force(session)
    codes = {
        name: code_of_answer(session, force.schema, name, value) for name, value in submitted.values.items()
    }
    late = _is_late(session, submitted.image_id, labeller_id, submitted.lease)
    submission_id = add_submission(
        session,
        key=submitted.key,
        kind="skip" if submitted.skip else "answer",
        fingerprint=submitted.fingerprint(),
        labeller_id=labeller_id,
        image_id=submitted.image_id,
        late=late,
        milliseconds=submitted.milliseconds,
    )
    if submitted.skip:
        session.merge(Skip(image_id=submitted.image_id, labeller_id=labeller_id, reason=submitted.reason))
    if late:
        origins = dict.fromkeys(codes, "opinion")
    else:
        origins = {name: "suggestion" if name in submitted.accepted else "human" for name in codes}
        # What is settled stands: an answer to it is one more opinion.
        stands = settled(session, force, submitted.image_id, labeller_id)
        origins |= dict.fromkeys(stands & codes.keys(), "opinion")
        session.connection().execute(_END_LEASE, {"image_id": submitted.image_id})
    annotate(session, force, submitted.image_id, submission_id, codes, origins, submitted.corrected)
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
    target = find_undoable(session, labeller_id, undone_key, kinds=("answer", "skip"))
    values = _values_of(session, target.id)
    take_back(session, target, key, fingerprint)
    if target.kind == "skip":
        session.execute(delete(Skip).where(Skip.image_id == target.image_id, Skip.labeller_id == labeller_id))
    return target, values


def take_back(session: Session, target: Submission, key: str, fingerprint: str) -> None:
    """Make all annotations of a submission, of one image or of many, count no longer."""
    submission_id = add_submission(
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
    undone = [NewAnnotation(image, attribute, None, "undo") for image, attribute in cells]
    add_annotations(session, submission_id, undone)
    for image, attribute in cells:
        _restore_label(session, image, attribute)
    images = {image for image, _ in cells}
    force = schema_in_force(session)
    _follow_merges(session, force, submission_id, images)
    _update_images(session, force, images, {attribute for _, attribute in cells})
    note_answers(session, images)
    forget_passed()


def annotate(
    session: Session,
    force: SchemaInForce,
    image_id: int,
    submission_id: int,
    codes: Mapping[str, int | None],
    origins: Mapping[str, str],
    corrected: Collection[str] = (),
) -> None:
    """Add annotations to an image; those that are not mere opinions become its labels."""
    answers = [(image_id, name, code, origins[name]) for name, code in codes.items()]
    annotate_all(session, force, submission_id, answers, corrected)


def annotate_all(
    session: Session,
    force: SchemaInForce,
    submission_id: int,
    answers: Collection[tuple[int, str, int | None, str]],
    corrected: Collection[str] = (),
) -> None:
    """Add annotations (image id, attribute, code, origin) to any images, as `annotate`."""
    cells = [
        NewAnnotation(image, force.ids[name], code, origin, name in corrected)
        for image, name, code, origin in answers
    ]
    add_annotations(session, submission_id, cells)
    counted = [cell for cell in cells if cell.origin != "opinion"]
    _update_images(
        session, force, {cell.image_id for cell in counted}, {cell.attribute_id for cell in counted}
    )
    note_answers(session, {cell.image_id for cell in cells})


def add_annotations(session: Session, submission_id: int, cells: Collection[NewAnnotation]) -> None:
    """Add annotations to a submission, and make them labels where they count."""
    if cells:
        rows = [{"submission_id": submission_id, **cell._asdict()} for cell in cells]
        connection = session.connection()
        last = connection.scalar(_LAST_ANNOTATION) or 0
        connection.execute(_ADD_ANNOTATIONS, rows)
        connection.execute(_PUT_LABELS, {"submission_id": submission_id, "last": last})


def adjudicated(session: Session, force: SchemaInForce, image_id: int) -> set[str]:
    """The attributes of an image whose label was decided by a reviewer."""
    numbers = session.connection().scalars(_ADJUDICATED, {"image_id": image_id})
    return {force.names[number] for number in numbers}


def settled(session: Session, force: SchemaInForce, image_id: int, labeller_id: int) -> set[str]:
    """The attributes of an image whose label does not change by an answer of this labeller.

    That is what a reviewer decided, what somebody else answered, and every label of a gold image or of one that was done
    when it was given out for a further opinion.
    """
    return {
        force.names[attribute]
        for attribute, origin, owner, is_gold, open_cells in session.connection().execute(
            _STANDING, {"image_id": image_id}
        )
        if origin == "review" or is_gold or (owner != labeller_id and (origin != "import" or open_cells == 0))
    }


def add_submission(session: Session, **columns: Any) -> int:
    """Write down that something was acknowledged; returns the submission's number."""
    row = {"late": False, "undoes": None, "milliseconds": None, "created_at": now()} | columns
    [number] = session.connection().execute(_ADD_SUBMISSION, row).inserted_primary_key or [0]
    return int(number)


def find_submission(session: Session, key: str, fingerprint: str) -> Submission | None:
    """The submission that was made with this key.

    Raises:
        Conflict: if it was made with another body.
    """
    kept = session.connection().scalar(_FINGERPRINT, {"key": key})
    if kept is None:
        return None
    if kept != fingerprint:
        raise Conflict(
            "key_reused",
            f"The idempotency key {key!r} was used for another request.",
            kept="The first request's outcome stands.",
            do="Make a new random key for every answer.",
        )
    return session.scalars(select(Submission).where(Submission.key == key)).one()


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


def _is_late(session: Session, image_id: int, labeller_id: int, token: str | None) -> bool:
    """Whether the image is somebody else's by now: leased to them, or answered by them.

    A lease that merely ran out, with nobody after it, is not held against the labeller.
    """
    lease = session.connection().execute(_LEASE, {"image_id": image_id}).one_or_none()
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
            Annotation.image_id == image_id,
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
        select(Label.image_id, Label.attribute_id, Label.code)
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


def _update_images(
    session: Session, force: SchemaInForce, image_ids: Collection[int], attributes: set[int]
) -> None:
    """Bring what is derived from images' labels of some attributes up to date: open cells, counts, group and split."""
    if not image_ids:
        return
    if not attributes.isdisjoint(number for number, _ in force.grouping):
        mark_stale(session)  # others may be tied to them
    connection, chosen = session.connection(), {"image_ids": list(image_ids)}
    labels: dict[int, dict[int, int | None]] = {image_id: {} for image_id in image_ids}
    for image_id, attribute_id, code in connection.execute(_LABELS, chosen):
        labels[image_id][attribute_id] = code
    changed, difference = [], 0
    for image in connection.execute(_DERIVED, chosen).all():
        open_cells = force.open_cells(labels[image.id])
        group, split = group_of(session, force, image, labels[image.id]), image.split
        if group != image.group_key:
            split = split_rule(session).split_of(group)
        if (open_cells, group) != (image.open_cells, image.group_key):
            changed.append({"number": image.id, "open": open_cells, "new_group": group, "new_split": split})
            difference += int(open_cells == 0) - int(image.open_cells == 0)
    if changed:
        connection.execute(_UPDATE_IMAGE, changed)
        session.flush()
        session.expire_all()  # what the session had loaded of these images is old now
    add_done(session, difference)


_IS_IMAGE = select(exists().where(Image.id == bindparam("image_id")))
_FINGERPRINT = select(Submission.fingerprint).where(Submission.key == bindparam("key"))
_LEASE = select(Lease.token, Lease.labeller_id, Lease.expires_at).where(
    Lease.image_id == bindparam("image_id")
)
_END_LEASE = delete(Lease).where(Lease.image_id == bindparam("image_id"))
_ADD_SUBMISSION = insert(Submission)
_ADD_ANNOTATIONS = insert(Annotation)
_LAST_ANNOTATION = select(func.max(Annotation.id))
_PUT_LABELS = (
    insert(Label)
    .prefix_with("OR REPLACE", dialect="sqlite")
    .from_select(
        ["image_id", "attribute_id", "code", "annotation_id"],
        select(Annotation.image_id, Annotation.attribute_id, Annotation.code, Annotation.id)
        .where(
            Annotation.submission_id == bindparam("submission_id"),
            Annotation.id > bindparam("last"),  # it may have been added to before
            Annotation.origin.not_in(("opinion", "undo")),
        )
        .order_by(Annotation.id),
    )
)
_ADJUDICATED = (
    select(Label.attribute_id)
    .join(Annotation, Annotation.id == Label.annotation_id)
    .where(Label.image_id == bindparam("image_id"), Annotation.origin == "review")
)
_STANDING = (
    select(
        Label.attribute_id,
        Annotation.origin,
        Submission.labeller_id,
        Gold.id.is_not(None),
        Image.open_cells,
    )
    .join(Annotation, Annotation.id == Label.annotation_id)
    .join(Submission, Submission.id == Annotation.submission_id)
    .join(Image, Image.id == Label.image_id)
    .outerjoin(Gold, Gold.image_id == Label.image_id)
    .where(Label.image_id == bindparam("image_id"))
)
_LABELS = select(Label.image_id, Label.attribute_id, Label.code).where(
    Label.image_id.in_(bindparam("image_ids", expanding=True))
)
_DERIVED = select(
    Image.id, Image.sha256, Image.given_group, Image.twin_of, Image.open_cells, Image.group, Image.split
).where(Image.id.in_(bindparam("image_ids", expanding=True)))
_UPDATE_IMAGE = (
    update(Image)
    .where(Image.id == bindparam("number"))
    .values(open_cells=bindparam("open"), group=bindparam("new_group"), split=bindparam("new_split"))
)
