"""Undo: the annotations of submissions no longer count, and the labels become what they were without them.

One undo of one answer and a batch of a take-back are the same statements over the cells that they concern.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    cast,
    delete,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased
from sqlalchemy.sql.elements import KeyedColumnElement

from annotator.domain.states import Origin, SubmissionKind
from annotator.errors import Conflict, NotFound
from annotator.models import Annotation, Label, Submission, ValueRow
from annotator.services.annotation.exclude import images_of_exclusion, undo_exclusions
from annotator.services.annotation.log import (
    NewAnnotation,
    add_annotations,
    add_submission,
    find_submission,
    update_images,
)
from annotator.services.common.undone import is_undone
from annotator.services.schema.active import ActiveSchema, active_schema
from annotator.services.schema.open_values import code_of_person
from annotator.services.tasks.cursor import reset_cursors
from annotator.services.tasks.overlap import update_wanted_opinions

_IntegerColumn = ColumnElement[int] | InstrumentedAttribute[int] | KeyedColumnElement[int]
_RESTORABLE = (
    Origin.HUMAN,
    Origin.SUGGESTION,
    Origin.REVIEW,
    Origin.IMPORT,
    Origin.AGGREGATE,
    Origin.CLEARED,
)
"""Origins of annotations that an undo may make the state of their cell again; after a clearing the cell is open."""
_FOLLOWING = (SubmissionKind.SCHEMA, SubmissionKind.UNDO, SubmissionKind.TAKE_BACK)
"""Submissions whose reviews only carry an earlier decision over to the value that took its place."""
FOLLOWS = or_(
    Annotation.origin.in_((Origin.MERGE, Origin.SCHEMA)),
    (Annotation.origin == Origin.REVIEW) & Submission.kind.in_(_FOLLOWING),
)
"""Whether an annotation (with its submission) only carries an earlier answer over to the value or person that took its place."""
_BATCH = 10_000
"""Images of one query."""


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
        if target is not None and session.scalar(select(is_undone()).where(Submission.id == target.id)):
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
    existing = find_submission(session, key, fingerprint, labeller_id)
    if existing is not None:
        target = session.get_one(Submission, existing.undoes)
    else:
        kinds = (SubmissionKind.EXCLUDE, SubmissionKind.RESTORE)
        target = find_undoable(session, labeller_id, undone_key, kinds=kinds)
        undo_submission(session, target, key, fingerprint)
    return target, images_of_exclusion(session, target.id)


def undo_submission(
    session: Session, target: Submission, key: str, fingerprint: str, *, labeller_id: int | None = None
) -> None:
    """Undo a submission with all its annotations. What it had undone itself counts again.

    Args:
        session: a writing session.
        target: the submission.
        key: the idempotency key of the undo.
        fingerprint: the hash of the undo's request.
        labeller_id: who undoes it; None: its own labeller.
    """
    submission_id = add_submission(
        session,
        key=key,
        kind=SubmissionKind.UNDO,
        fingerprint=fingerprint,
        labeller_id=labeller_id or target.labeller_id,
        image_id=target.image_id,
        undoes=target.id,
    )
    undo_exclusions(session, target.id)
    restore_cells(session, submission_id, Annotation.submission_id == target.id)


def restore_cells(session: Session, submission_id: int, undone: ColumnElement[bool]) -> None:
    """Make the newest annotation that still counts the label again, in every cell of annotations that no longer count.

    Args:
        session: a writing session, in which the undone submissions are marked already (`is_undone`).
        submission_id: the undo, which may have restored other cells before; the log gets an annotation of it for every cell.
        undone: which annotations no longer count, as a condition on `Annotation`.
    """
    newest = session.scalar(select(func.max(Annotation.id))) or 0
    cells = select(Annotation.image_id, Annotation.attribute_id).where(undone).distinct()
    cells = cells.order_by(Annotation.image_id, Annotation.attribute_id)
    columns = ["image_id", "attribute_id", "submission_id", "code", "origin", "corrected"]
    no_code = cast(null(), Integer)
    of_cells = cells.add_columns(literal(submission_id), no_code, literal(Origin.UNDO.value), literal(False))
    session.execute(insert(Annotation).from_select(columns, of_cells))
    marks = _Marks(submission_id, newest)
    _restore_labels(session, marks)
    active = active_schema(session)
    images = list(session.scalars(_cells_of(marks, Annotation.image_id)))
    attributes = set(session.scalars(_cells_of(marks, Annotation.attribute_id)))
    _follow_merges(session, active, marks)
    _follow_schema(session, active, marks)
    for start in range(0, len(images), _BATCH):
        some = images[start : start + _BATCH]
        update_images(session, active, some, attributes)
        update_wanted_opinions(session, some)
    reset_cursors(session)


class _Marks(NamedTuple):
    """The annotations by which an undo marks its cells: those of its submission after `newest`, which earlier batches made."""

    submission_id: int
    newest: int

    def of(self, annotation: type[Annotation] = Annotation) -> tuple[ColumnElement[bool], ...]:
        """The condition that an annotation is one of them."""
        return (
            annotation.submission_id == self.submission_id,
            annotation.id > self.newest,
            annotation.origin == Origin.UNDO,
        )


def standing_annotation(
    image_id: _IntegerColumn,
    attribute_id: _IntegerColumn,
    *conditions: ColumnElement[bool],
) -> Select[int]:
    """Select the newest annotation of a cell that still counts and that decides what the cell is: its label, or that it is open.

    Annotations that followed a change of people or of the schema are ignored: they are made again from the restored label.

    Args:
        image_id: the column of the surrounding query with the cell's image.
        attribute_id: the same for its attribute.
        conditions: further conditions on `Annotation` and its `Submission`.
    """
    return (
        select(Annotation.id)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(
            Annotation.image_id == image_id,
            Annotation.attribute_id == attribute_id,
            Annotation.origin.in_(_RESTORABLE),
            or_(Annotation.origin != Origin.REVIEW, Submission.kind.not_in(_FOLLOWING)),
            ~is_undone(),
            *conditions,
        )
        .order_by(Annotation.id.desc())
        .limit(1)
        .correlate_except(Annotation, Submission)
    )


def _cells_of(marks: _Marks, *columns: InstrumentedAttribute[int]) -> Select[*tuple[Any, ...]]:
    """Select the distinct values of columns of the cells that an undo restores."""
    return select(*columns).where(*marks.of()).distinct()


def _restore_labels(session: Session, marks: _Marks) -> None:
    """Write the labels of the cells of an undo anew; a cell without an annotation that counts is open again."""
    cells = _cells_of(marks, Annotation.image_id, Annotation.attribute_id)
    old = delete(Label).where(tuple_(Label.image_id, Label.attribute_id).in_(cells))
    session.execute(old, execution_options={"synchronize_session": False})
    mark, newest = aliased(Annotation), aliased(Annotation)
    standing = standing_annotation(mark.image_id, mark.attribute_id).scalar_subquery()
    labels = (
        select(newest.image_id, newest.attribute_id, newest.code, newest.id)
        .select_from(mark)
        .join(newest, newest.id == standing)
        .where(*marks.of(mark), newest.origin != Origin.CLEARED)
    )
    columns = ["image_id", "attribute_id", "code", "annotation_id"]
    session.execute(insert(Label).from_select(columns, labels))
    session.expire_all()


def _follow_merges(session: Session, active: ActiveSchema, marks: _Marks) -> None:
    """Correct restored labels whose person was merged into another one since."""
    merged = (
        select(Label.image_id, Label.attribute_id, Label.code)
        .join(ValueRow, (ValueRow.attribute_id == Label.attribute_id) & (ValueRow.code == Label.code))
        .where(
            Label.image_id.in_(_cells_of(marks, Annotation.image_id)),
            ValueRow.merged_into.is_not(None),
        )
    )
    people: dict[tuple[int, int], int] = {}
    followed = []
    for image, attribute, code in session.execute(merged).all():
        cell = (attribute, int(code or 0))
        if cell not in people:
            people[cell] = code_of_person(session, active.names[attribute], cell[1])
        followed.append(NewAnnotation(image, attribute, people[cell], Origin.MERGE))
    add_annotations(session, marks.submission_id, followed)


def _follow_schema(session: Session, active: ActiveSchema, marks: _Marks) -> None:
    """Correct restored labels whose value was merged since; a cell whose value was split stays open."""
    images = _cells_of(marks, Annotation.image_id)
    merged = []
    for (attribute, code), current in active.replaced.items():
        chosen = (Label.attribute_id == attribute, Label.code == code, Label.image_id.in_(images))
        if current is None:
            split = delete(Label).where(*chosen)
            session.execute(split, execution_options={"synchronize_session": False})
        else:
            decided = select(Label.image_id, Annotation.origin == Origin.REVIEW)
            decided = decided.join(Annotation, Annotation.id == Label.annotation_id).where(*chosen)
            merged += [
                NewAnnotation(image, attribute, current, Origin.REVIEW if by_reviewer else Origin.SCHEMA)
                for image, by_reviewer in session.execute(decided)
            ]
    add_annotations(session, marks.submission_id, merged)
