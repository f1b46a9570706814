"""The log of annotations: submissions, each known by its key, and what they add; the labels follow from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from annotator.domain.states import NO_LABEL, Origin
from annotator.errors import Conflict
from annotator.models import Annotation, Image, Label, Submission, now
from annotator.services.common.progress import add_done
from annotator.services.grouping.membership import group_of, mark_stale, split_rule
from annotator.services.schema.active import ActiveSchema
from annotator.services.tasks.overlap import note_answers


class NewAnnotation(NamedTuple):
    """One answer to one cell, as it is added. `corrected`: another value was suggested and shown."""

    image_id: int
    attribute_id: int
    code: int | None
    origin: Origin
    corrected: bool = False


def add_submission(session: Session, **columns: Any) -> int:
    """Write down that something was acknowledged; returns the submission's number."""
    row = {"late": False, "undoes": None, "milliseconds": None, "drawn": None, "created_at": now()} | columns
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


def annotate(
    session: Session,
    active: ActiveSchema,
    image_id: int,
    submission_id: int,
    codes: Mapping[str, int | None],
    origins: Mapping[str, Origin],
    corrected: Collection[str] = (),
) -> None:
    """Add annotations to an image; those that are not mere opinions become its labels."""
    answers = [(image_id, name, code, origins[name]) for name, code in codes.items()]
    annotate_all(session, active, submission_id, answers, corrected)


def annotate_all(
    session: Session,
    active: ActiveSchema,
    submission_id: int,
    answers: Collection[tuple[int, str, int | None, Origin]],
    corrected: Collection[str] = (),
) -> None:
    """Add annotations (image id, attribute, code, origin) to any images, as `annotate`."""
    cells = [
        NewAnnotation(image, active.ids[name], code, origin, name in corrected)
        for image, name, code, origin in answers
    ]
    add_annotations(session, submission_id, cells)
    counted = [cell for cell in cells if cell.origin is not Origin.OPINION]
    update_images(
        session, active, {cell.image_id for cell in counted}, {cell.attribute_id for cell in counted}
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


def update_images(
    session: Session, active: ActiveSchema, image_ids: Collection[int], attributes: set[int]
) -> None:
    """Bring what is derived from images' labels of some attributes up to date: open cells, counts, group and split."""
    if not image_ids:
        return
    if not attributes.isdisjoint(number for number, _ in active.grouping):
        mark_stale(session)  # others may be tied to them
    connection, chosen = session.connection(), {"image_ids": list(image_ids)}
    labels: dict[int, dict[int, int | None]] = {image_id: {} for image_id in image_ids}
    for image_id, attribute_id, code in connection.execute(_LABELS, chosen):
        labels[image_id][attribute_id] = code
    changed, difference = [], 0
    for image in connection.execute(_DERIVED, chosen).all():
        open_cells = active.open_cells(labels[image.id])
        group, split = group_of(session, active, image, labels[image.id]), image.split
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


_FINGERPRINT = select(Submission.fingerprint).where(Submission.key == bindparam("key"))
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
            Annotation.origin.not_in(NO_LABEL),
        )
        .order_by(Annotation.id),
    )
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
