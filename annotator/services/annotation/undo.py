"""Undo: the annotations of a submission no longer count, and the labels become what they were before it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from sqlalchemy import delete, func, insert, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from annotator.domain.states import Origin, SubmissionKind
from annotator.errors import Conflict, NotFound
from annotator.models import Annotation, Label, Submission, ValueRow
from annotator.services.annotation.exclude import images_of_exclusion, undo_exclusions
from annotator.services.annotation.log import (
    NewAnnotation,
    add_annotations,
    add_submission,
    annotate_all,
    find_submission,
    update_images,
)
from annotator.services.common.undone import is_undone
from annotator.services.schema.active import ActiveSchema, active_schema
from annotator.services.schema.open_values import code_of_person
from annotator.services.tasks.cursor import reset_cursors
from annotator.services.tasks.overlap import update_wanted_opinions

_RESTORABLE = (
    Origin.HUMAN,
    Origin.SUGGESTION,
    Origin.REVIEW,
    Origin.IMPORT,
    Origin.AGGREGATE,
    Origin.MERGE,
)
"""Origins of annotations that an undo may make the label again."""
_FOLLOWING = (SubmissionKind.SCHEMA, SubmissionKind.UNDO)
"""Submissions whose reviews only carry an earlier decision over to the value that took its place."""


def find_undoable(
    session: Session,
    labeller_id: int,
    key: str | None,
    *,
    kinds: tuple[SubmissionKind, ...],
    of_one_image: bool = False,
) -> Submission:
    """Find the labeller's submission with this key; without a key, the last one that was not undone.

    Args:
        session: a session.
        labeller_id: the labeller.
        key: the submission's idempotency key.
        kinds: what it may be.
        of_one_image: whether it must be about one image.

    Raises:
        NotFound: if the labeller has no such submission of these kinds.
        Conflict: if it was undone already.
    """
    query = select(Submission).where(Submission.labeller_id == labeller_id, Submission.kind.in_(kinds))
    if of_one_image:
        query = query.where(Submission.image_id.is_not(None))
    if key is not None:
        target = session.scalar(query.where(Submission.key == key))
        if target is not None and session.scalar(select(Submission.id).where(Submission.undoes == target.id)):
            raise Conflict(
                "already_undone",
                f"The answer {key!r} was undone already.",
                do="Go on with the next image.",
            )
    else:
        target = session.scalar(query.where(~is_undone()).order_by(Submission.id.desc()).limit(1))
    if target is None:
        raise NotFound(
            "nothing_to_undo", "There is no answer of yours to undo.", do="Go on with the next image."
        )
    return target


def undo_exclusion(
    session: Session, labeller_id: int, key: str, undone_key: str | None
) -> tuple[Submission, list[int]]:
    """Undo an exclusion or a restoration of this labeller: its images become what they were before it.

    A repetition with the same key changes nothing.

    Args:
        session: a writing session.
        labeller_id: the labeller.
        key: the idempotency key of the undo.
        undone_key: the key of the submission; None: the last one that was not undone.

    Returns:
        The submission that was undone, and its images.

    Raises:
        NotFound: if there is nothing to undo.
        Conflict: if it was undone already, or the key was used for another request.
    """
    fingerprint = hashlib.sha256(f"undo exclusion:{undone_key}".encode()).hexdigest()
    existing = find_submission(session, key, fingerprint)
    if existing is not None:
        target = session.get_one(Submission, existing.undoes)
    else:
        kinds = (SubmissionKind.EXCLUDE, SubmissionKind.RESTORE)
        target = find_undoable(session, labeller_id, undone_key, kinds=kinds)
        undo_submission(session, target, key, fingerprint)
    return target, images_of_exclusion(session, target.id)


def undo_submission(session: Session, target: Submission, key: str, fingerprint: str) -> None:
    """Undo a submission with all its annotations and exclusions.

    Args:
        session: a writing session.
        target: the submission.
        key: the idempotency key of the undo.
        fingerprint: the hash of the undo's request.
    """
    submission_id = add_submission(
        session,
        key=key,
        kind=SubmissionKind.UNDO,
        fingerprint=fingerprint,
        labeller_id=target.labeller_id,
        image_id=target.image_id,
        undoes=target.id,
    )
    undo_exclusions(session, target.id)
    cells = list(
        session.execute(
            select(Annotation.image_id, Annotation.attribute_id).where(Annotation.submission_id == target.id)
        )
    )
    undone = [NewAnnotation(image, attribute, None, Origin.UNDO) for image, attribute in cells]
    add_annotations(session, submission_id, undone)
    _restore_labels(session, target.id)
    images = {image for image, _ in cells}
    active = active_schema(session)
    _follow_merges(session, active, submission_id, images)
    _follow_schema(session, active, submission_id, images)
    update_images(session, active, images, {attribute for _, attribute in cells})
    update_wanted_opinions(session, images)
    reset_cursors(session)


def _restore_labels(session: Session, submission_id: int) -> None:
    """Make the newest annotation that still counts the label of each cell of a submission; without one the cell is open again.

    Annotations that followed a change of the schema are ignored here: `_follow_schema` makes them again from the restored label.
    """
    cells = select(Annotation.image_id, Annotation.attribute_id).where(
        Annotation.submission_id == submission_id
    )
    own = aliased(Annotation)
    newest = (
        select(func.max(Annotation.id))
        .join(Submission, Submission.id == Annotation.submission_id)
        .join(own, (own.image_id == Annotation.image_id) & (own.attribute_id == Annotation.attribute_id))
        .where(
            own.submission_id == submission_id,
            Annotation.origin.in_((*_RESTORABLE, Origin.CLEARED)),
            or_(Annotation.origin != Origin.REVIEW, Submission.kind.not_in(_FOLLOWING)),
            ~is_undone(),
        )
        .group_by(Annotation.image_id, Annotation.attribute_id)
    )
    session.execute(delete(Label).where(tuple_(Label.image_id, Label.attribute_id).in_(cells)))
    restored = select(Annotation.image_id, Annotation.attribute_id, Annotation.code, Annotation.id).where(
        Annotation.id.in_(newest), Annotation.origin != Origin.CLEARED
    )
    columns = ["image_id", "attribute_id", "code", "annotation_id"]
    session.execute(insert(Label).from_select(columns, restored))
    session.expire_all()  # the session may hold old copies of these labels


def _follow_merges(
    session: Session, active: ActiveSchema, submission_id: int, images: Collection[int]
) -> None:
    """Correct restored labels whose person was merged into another one since."""
    merged = (
        select(Label.image_id, Label.attribute_id, Label.code)
        .join(ValueRow, (ValueRow.attribute_id == Label.attribute_id) & (ValueRow.code == Label.code))
        .where(Label.image_id.in_(images), ValueRow.merged_into.is_not(None))
    )
    answers = [
        (
            image,
            active.names[attribute],
            code_of_person(session, active.names[attribute], int(code or 0)),
            Origin.MERGE,
        )
        for image, attribute, code in session.execute(merged)
    ]
    annotate_all(session, active, submission_id, answers)


def _follow_schema(
    session: Session, active: ActiveSchema, submission_id: int, images: Collection[int]
) -> None:
    """Correct restored labels whose value was merged since; a cell whose value was split stays open."""
    merged = []
    for (attribute, code), current in active.replaced.items():
        chosen = (Label.attribute_id == attribute, Label.code == code, Label.image_id.in_(images))
        if current is None:
            session.execute(delete(Label).where(*chosen))
        else:
            decided = select(Label.image_id, Annotation.origin == Origin.REVIEW)
            decided = decided.join(Annotation, Annotation.id == Label.annotation_id).where(*chosen)
            merged += [
                NewAnnotation(image, attribute, current, Origin.REVIEW if by_reviewer else Origin.SCHEMA)
                for image, by_reviewer in session.execute(decided)
            ]
    add_annotations(session, submission_id, merged)
