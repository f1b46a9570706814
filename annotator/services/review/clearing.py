"""Clear cells: a reviewer opens an attribute of some images again, as one submission with one undo.

The log keeps the answers from before. They no longer count, neither as labels nor as opinions, until the clearing is undone.
Leases stay as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from annotator.domain.states import Origin, SubmissionKind
from annotator.errors import NotFound
from annotator.models import Annotation, Image, Label, Submission
from annotator.services.annotation.bulk_order import restart_search
from annotator.services.annotation.log import (
    NewAnnotation,
    add_annotations,
    add_submission,
    find_submission,
    update_images,
)
from annotator.services.annotation.undo import find_undoable, undo_submission
from annotator.services.review.details import unknown_image
from annotator.services.schema.active import active_schema, unknown_attribute
from annotator.services.tasks.cursor import reset_cursors
from annotator.services.tasks.overlap import update_wanted_opinions

_BATCH = 5_000


@dataclass(frozen=True)
class Clearing:
    """Cells to clear: one attribute of some images."""

    key: str
    attribute: str
    images: tuple[int, ...]

    def fingerprint(self) -> str:
        """A hash of the content: a repetition with the same key must have the same one."""
        body = ["clear", self.attribute, sorted(self.images)]
        return hashlib.sha256(json.dumps(body).encode()).hexdigest()


def clear_cells(session: Session, labeller_id: int, clearing: Clearing) -> int:
    """Clear the cells that have a label; return how many. A repetition with the same key changes nothing.

    Raises:
        Conflict: if the key was used for another request.
        NotFound: if there is no such image, or none of the cells has a label.
        FacelabelError: if the schema has no such attribute.
    """
    existing = find_submission(session, clearing.key, clearing.fingerprint())
    if existing is not None:
        return len(session.scalars(_cleared_images(existing)).all())
    active = active_schema(session)
    name = active.current_name(clearing.attribute)
    if name not in active.ids:
        raise unknown_attribute(active.schema, name)
    attribute = active.ids[name]
    _require_images(session, clearing.images)
    labelled = [
        image
        for some in _batches(clearing.images)
        for image in session.scalars(
            select(Label.image_id).where(Label.attribute_id == attribute, Label.image_id.in_(some))
        )
    ]
    if not labelled:
        raise NotFound(
            "nothing_to_clear",
            f"None of these images has a label for {name}.",
            do="Choose images with a label.",
        )
    submission_id = add_submission(
        session,
        key=clearing.key,
        kind=SubmissionKind.CLEAR,
        fingerprint=clearing.fingerprint(),
        labeller_id=labeller_id,
        image_id=clearing.images[0] if len(clearing.images) == 1 else None,
    )
    for some in _batches(labelled):
        marks = [NewAnnotation(image, attribute, None, Origin.CLEARED) for image in some]
        add_annotations(session, submission_id, marks)
        old = delete(Label).where(Label.attribute_id == attribute, Label.image_id.in_(some))
        session.execute(old, execution_options={"synchronize_session": False})
        update_images(session, active, some, {attribute})
        update_wanted_opinions(session, some)
    _search_again(session)
    return len(labelled)


def undo_clearing(session: Session, labeller_id: int, key: str, undone_key: str) -> list[int]:
    """Undo a clearing of this labeller and return its images. A repetition with the same key changes nothing.

    Raises:
        NotFound: if this labeller made no such clearing.
        Conflict: if it was undone already, or the key was used for another request.
    """
    fingerprint = hashlib.sha256(f"undo clear:{undone_key}".encode()).hexdigest()
    existing = find_submission(session, key, fingerprint)
    if existing is not None:
        target = session.get_one(Submission, existing.undoes)
    else:
        target = find_undoable(session, labeller_id, undone_key, kinds=(SubmissionKind.CLEAR,))
        undo_submission(session, target, key, fingerprint)
        _search_again(session)
    return list(session.scalars(_cleared_images(target)))


def _cleared_images(submission: Submission) -> Select[int]:
    return select(Annotation.image_id).where(Annotation.submission_id == submission.id)


def _require_images(session: Session, images: tuple[int, ...]) -> None:
    existing = {
        image
        for some in _batches(images)
        for image in session.scalars(select(Image.id).where(Image.id.in_(some)))
    }
    if missing := sorted(set(images) - existing):
        raise unknown_image(missing[0])


def _search_again(session: Session) -> None:
    reset_cursors(session)
    restart_search(session)


def _batches(images: list[int] | tuple[int, ...]) -> Iterator[list[int]]:
    for start in range(0, len(images), _BATCH):
        yield list(images[start : start + _BATCH])
