"""The append-only log: submissions with their idempotency keys, their annotations, and the labels that follow from these."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Row, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from annotator.database.statements import is_listed, replace_rows
from annotator.domain.states import NO_LABEL, Origin
from annotator.errors import Conflict
from annotator.models import Annotation, Image, Label, Submission, now
from annotator.services.common.filled import COVERED, covered_attributes
from annotator.services.common.progress import add_done
from annotator.services.grouping.membership import group_of, mark_stale, split_rule
from annotator.services.schema.active import ActiveSchema
from annotator.services.tasks.overlap import update_wanted_opinions


class NewAnnotation(NamedTuple):
    """An annotation to add. `corrected`: the labeller saw a suggestion of another value."""

    image_id: int
    attribute_id: int
    code: int | None
    origin: Origin
    corrected: bool = False


def add_submission(session: Session, **columns: Any) -> int:
    """Add a submission and return its id. `columns`: values of `Submission`; those that are missing get their usual value."""
    nothing = dict.fromkeys(("undoes", "milliseconds", "drawn", "withheld", "suggested"))
    row = {"late": False, "created_at": now()} | nothing | columns
    [number] = session.connection().execute(_ADD_SUBMISSION, row).inserted_primary_key or [0]
    return int(number)


def find_submission(
    session: Session, key: str, fingerprint: str, labeller_id: int | None = None
) -> Submission | None:
    """Find the submission with this idempotency key.

    Args:
        session: a session.
        key: the key.
        fingerprint: the hash of the request's body.
        labeller_id: who sends the request; None: the project itself.

    Raises:
        Conflict: if the key was used with another body, or by somebody else.
    """
    stored = session.connection().execute(_FINGERPRINT, {"key": key}).first()
    if stored is None:
        return None
    if stored.fingerprint != fingerprint or labeller_id not in {None, stored.labeller_id}:
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
    """Add annotations to one image by a new submission; all but opinions become its labels."""
    answers = [(image_id, name, code, origins[name]) for name, code in codes.items()]
    annotate_all(session, active, submission_id, answers, corrected, is_new=True)


def annotate_all(
    session: Session,
    active: ActiveSchema,
    submission_id: int,
    answers: Collection[tuple[int, str, int | None, Origin]],
    corrected: Collection[str] = (),
    *,
    is_new: bool = False,
) -> None:
    """Add annotations to several images; all but opinions become labels.

    Args:
        session: a writing session.
        active: the active schema.
        submission_id: the submission that they belong to.
        answers: (image id, attribute name, code, origin) each.
        corrected: attributes whose suggestion was shown and not taken.
        is_new: whether the submission has no annotations yet.
    """
    cells = [
        NewAnnotation(image, active.ids[name], code, origin, name in corrected)
        for image, name, code, origin in answers
    ]
    add_annotations(session, submission_id, cells, is_new=is_new)
    counted = [cell for cell in cells if cell.origin is not Origin.OPINION]
    update_images(
        session, active, {cell.image_id for cell in counted}, {cell.attribute_id for cell in counted}
    )
    update_wanted_opinions(session, {cell.image_id for cell in cells})


def add_annotations(
    session: Session, submission_id: int, cells: Collection[NewAnnotation], *, is_new: bool = False
) -> None:
    """Add annotations to a submission and make them labels, unless their origin says otherwise.

    Args:
        session: a writing session.
        submission_id: the submission.
        cells: the annotations.
        is_new: whether the submission has none yet.
    """
    if cells:
        rows = [{"submission_id": submission_id, **cell._asdict()} for cell in cells]
        connection = session.connection()
        last = 0 if is_new else connection.scalar(_LAST_ANNOTATION) or 0
        connection.execute(_ADD_ANNOTATIONS, rows)
        connection.execute(_PUT_LABELS, {"submission_id": submission_id, "last": last})


def update_images(
    session: Session, active: ActiveSchema, image_ids: Collection[int], attributes: set[int]
) -> None:
    """Update what follows from the labels of some images: open cells, counts, group and split."""
    if not image_ids:
        return
    if not attributes.isdisjoint(number for number, _ in active.grouping):
        mark_stale(session)  # other images may now belong to the same group
    connection, chosen = session.connection(), {"image_ids": list(image_ids)}
    images: dict[int, Row[Any]] = {}
    labels: dict[int, dict[int, int | None]] = {image_id: {} for image_id in image_ids}
    for row in connection.execute(_IMAGES_WITH_LABELS, chosen).all():
        images[row.id] = row
        if row.attribute_id is not None:
            labels[row.id][row.attribute_id] = row.code
    changed, difference = [], 0
    for image in images.values():
        open_cells = active.open_cells(labels[image.id], covered_attributes(image.covered))
        group, split = group_of(session, active, image, labels[image.id]), image.split
        if group != image.group_key:
            split = split_rule(session).split_of(group)
        if (open_cells, group) != (image.open_cells, image.group_key):
            changed.append({"number": image.id, "open": open_cells, "new_group": group, "new_split": split})
            if image.exclusion_id is None:
                difference += int(open_cells == 0) - int(image.open_cells == 0)
    if changed:
        connection.execute(_UPDATE_IMAGE, changed)
        session.flush()
        session.expire_all()  # the session may hold old copies of these images
    add_done(session, difference)


_FINGERPRINT = select(Submission.fingerprint, Submission.labeller_id).where(
    Submission.key == bindparam("key")
)
_ADD_SUBMISSION = insert(Submission)
_ADD_ANNOTATIONS = insert(Annotation)
_LAST_ANNOTATION = select(func.max(Annotation.id))
_PUT_LABELS = replace_rows(
    Label,
    ["image_id", "attribute_id", "code", "annotation_id"],
    select(Annotation.image_id, Annotation.attribute_id, Annotation.code, Annotation.id)
    .where(
        Annotation.submission_id == bindparam("submission_id"),
        Annotation.id > bindparam("last"),  # the submission may have older annotations
        Annotation.origin.not_in(NO_LABEL),
    )
    .order_by(Annotation.id),
)
_IMAGES_WITH_LABELS = (
    select(Image.id, Image.sha256, Image.given_group, Image.twin_of, Image.open_cells, Image.group)
    .add_columns(Image.split, Image.exclusion_id, COVERED, Label.attribute_id, Label.code)
    .outerjoin(Label, Label.image_id == Image.id)
    .where(is_listed(Image.id, "image_ids"))
)
_UPDATE_IMAGE = (
    update(Image)
    .where(Image.id == bindparam("number"))
    .values(open_cells=bindparam("open"), group=bindparam("new_group"), split=bindparam("new_split"))
)
