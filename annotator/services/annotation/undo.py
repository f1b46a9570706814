"""Taking a submission back: what it said counts no longer, and the labels are what they were before it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.orm import Session, aliased

from annotator.errors import Conflict, NotFound
from annotator.models import Annotation, Label, Submission, ValueRow
from annotator.services.annotation.log import (
    NewAnnotation,
    add_annotations,
    add_submission,
    annotate_all,
    update_images,
)
from annotator.services.schema.active import ActiveSchema, active_schema
from annotator.services.schema.open_values import code_of_person
from annotator.services.tasks.cursor import forget_passed
from annotator.services.tasks.overlap import note_answers


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
    active = active_schema(session)
    _follow_merges(session, active, submission_id, images)
    _follow_schema(session, active, submission_id, images)
    update_images(session, active, images, {attribute for _, attribute in cells})
    note_answers(session, images)
    forget_passed(session)


def _restore_label(session: Session, image_id: int, attribute_id: int) -> None:
    """Set a cell's label to the newest annotation that still counts, or to none.

    What followed from a change of the schema is passed over: it follows anew, from what comes back.
    """
    later = aliased(Submission)
    newest = session.scalar(
        select(Annotation)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(
            Annotation.image_id == image_id,
            Annotation.attribute_id == attribute_id,
            Annotation.origin.in_(("human", "suggestion", "review", "import", "aggregate", "merge")),
            or_(Annotation.origin != "review", Submission.kind.not_in(("schema", "undo"))),
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
    session: Session, active: ActiveSchema, submission_id: int, images: Collection[int]
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
            active.names[attribute],
            code_of_person(session, active.names[attribute], int(code or 0)),
            "merge",
        )
        for image, attribute, code in session.execute(merged)
    ]
    annotate_all(session, active, submission_id, answers)


def _follow_schema(
    session: Session, active: ActiveSchema, submission_id: int, images: Collection[int]
) -> None:
    """Labels that came back may have a value that was merged since: they follow; of a split one the cell stays open."""
    merged = []
    for (attribute, code), current in active.replaced.items():
        chosen = (Label.attribute_id == attribute, Label.code == code, Label.image_id.in_(images))
        if current is None:
            session.execute(delete(Label).where(*chosen))
        else:
            decided = select(Label.image_id, Annotation.origin == "review")
            decided = decided.join(Annotation, Annotation.id == Label.annotation_id).where(*chosen)
            merged += [
                NewAnnotation(image, attribute, current, "review" if by_reviewer else "schema")
                for image, by_reviewer in session.execute(decided)
            ]
    add_annotations(session, submission_id, merged)
