"""Correct who is in some images of a person: another person, or nobody until somebody names the face again.

A reviewer's split is one submission with one undo, like a merge.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from annotator.database.statements import replace_rows
from annotator.domain.states import Origin, SubmissionKind
from annotator.errors import Conflict, FacelabelError
from annotator.models import Annotation, Label, NotThisPerson, ValueRow
from annotator.services.annotation.log import (
    NewAnnotation,
    add_annotations,
    add_submission,
    annotate_all,
    find_submission,
    update_images,
)
from annotator.services.people.face_sets import identity_attribute
from annotator.services.people.rename_merge import get_person
from annotator.services.schema.active import active_schema
from annotator.services.schema.open_values import code_of_person, placeholder_name
from annotator.services.tasks.cursor import reset_cursors
from annotator.services.tasks.overlap import update_wanted_opinions


@dataclass(frozen=True)
class Split:
    """Images of a person that show somebody else.

    Args:
        key: the idempotency key.
        code: the person.
        images: the images, all of which have this person as label.
        name: who it is: a name (a new one adds a person); None: a new person, who gets a number as name.
        unname: nobody: the faces are unnamed again, and `name` is not used.
    """

    key: str
    code: int
    images: tuple[int, ...]
    name: str | None = None
    unname: bool = False

    def fingerprint(self) -> str:
        """A hash of the content: a repetition with the same key must have the same one."""
        body = ["split", self.code, sorted(self.images), self.name, self.unname]
        return hashlib.sha256(json.dumps(body).encode()).hexdigest()


def split_person(session: Session, labeller_id: int, split: Split) -> ValueRow:
    """Give images of a person to another person, or to nobody. They are not proposed as the first person again.

    A repetition with the same key changes nothing.

    Returns:
        The person whose images they are now; the first person if they are unnamed.

    Raises:
        NotFound: if there is no such person.
        Conflict: if an image is not labelled as this person, or the key was used for another request.
        FacelabelError: if the name is not allowed, or is that of the same person.
    """
    attribute_id, attribute = identity_attribute(session)
    existing = find_submission(session, split.key, split.fingerprint(), labeller_id)
    if existing is not None:
        code = session.scalar(
            select(func.max(Annotation.code)).where(Annotation.submission_id == existing.id)
        )
        return get_person(session, split.code if code is None else code)
    person = get_person(session, split.code)
    _require_images(session, attribute_id, person, split.images)
    active = active_schema(session)
    submission_id = add_submission(
        session,
        key=split.key,
        kind=SubmissionKind.SPLIT,
        fingerprint=split.fingerprint(),
        labeller_id=labeller_id,
        image_id=None,
    )
    if split.unname:
        marks = [NewAnnotation(image, attribute_id, None, Origin.CLEARED) for image in split.images]
        add_annotations(session, submission_id, marks)
        old = delete(Label).where(Label.attribute_id == attribute_id, Label.image_id.in_(split.images))
        session.execute(old, execution_options={"synchronize_session": False})
        update_images(session, active, split.images, {attribute_id})
        update_wanted_opinions(session, split.images)
        target = person
    else:
        name = split.name if split.name is not None else placeholder_name(session, attribute_id)
        code = code_of_person(session, attribute, name)
        if code == split.code:
            raise FacelabelError("same_person", "That is the same person.", do="Choose another name.")
        answers = [(image, attribute, code, Origin.REVIEW) for image in split.images]
        annotate_all(session, active, submission_id, answers)
        target = get_person(session, code)
    _deny(session, submission_id, attribute_id, split)
    reset_cursors(session)
    return target


def _require_images(session: Session, attribute_id: int, person: ValueRow, images: tuple[int, ...]) -> None:
    query = select(Label.image_id).where(
        Label.attribute_id == attribute_id, Label.code == person.code, Label.image_id.in_(images)
    )
    if missing := sorted(set(images) - set(session.scalars(query))):
        raise Conflict(
            "not_this_person",
            f"Image {missing[0]} is not labelled as {person.name}.",
            do="Load the person again.",
        )


def _deny(session: Session, submission_id: int, attribute_id: int, split: Split) -> None:
    """Record that the images do not show the first person."""
    rows = [
        {"image_id": n, "attribute_id": attribute_id, "code": split.code, "submission_id": submission_id}
        for n in split.images
    ]
    session.execute(replace_rows(NotThisPerson), rows)
