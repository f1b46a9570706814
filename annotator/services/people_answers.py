"""Confirming that faces are of one person: one submission for all of them, taken back as one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from annotator.errors import NotFound, WrongUse
from annotator.models import Annotation, Image, Label, NotThisPerson, Submission, ValueRow
from annotator.services.labels import (
    Answer,
    add_submission,
    annotate_all,
    code_of_answer,
    find_submission,
)
from annotator.services.people import is_somebody
from annotator.services.people_sets import identity_attribute
from annotator.services.schema_in_force import schema_in_force


@dataclass(frozen=True)
class Confirmation:
    """A set as it came in.

    Args:
        key: the idempotency key.
        person: a code, a name (a new one adds a person), or None for "can't tell".
        images: who is this person.
        exceptions: images of the set that are not: they stay open, and are not proposed as this person's again.
        accepted: whether the person was suggested.
        milliseconds: how long it took.
    """

    key: str
    person: Answer
    images: tuple[int, ...]
    exceptions: tuple[int, ...] = ()
    accepted: bool = False
    milliseconds: int | None = None

    def fingerprint(self) -> str:
        """What a repetition with the same key must agree in."""
        body = ["people", self.person, sorted(self.images), sorted(self.exceptions), self.accepted]
        return hashlib.sha256(json.dumps(body).encode()).hexdigest()


@dataclass(frozen=True)
class Confirmed:
    """What became of a set. `opinions`: images that had another's answer by then, which stands."""

    key: str
    code: int | None
    name: str | None
    answered: int
    opinions: list[int]


def confirm(session: Session, labeller_id: int, given: Confirmation) -> Confirmed:
    """Keep who is in the images of a set, all or none. The same key again changes nothing.

    Images of the test split are answered like all others: who somebody is says what a group is, and no model learns it.

    Raises:
        Conflict: if the key was used for something else.
        NotFound: if there is no such image.
        FacelabelError: if the name will not do, or an image comes twice.
    """
    known = find_submission(session, given.key, given.fingerprint())
    if known is not None:
        return _outcome(session, known)
    attribute_id, attribute = identity_attribute(session)
    _check_images(session, given)
    force = schema_in_force(session)
    code = code_of_answer(session, force.schema, attribute, given.person)
    opinions = _answered(session, attribute_id, labeller_id, given.images)
    submission_id = add_submission(
        session,
        key=given.key,
        kind="people",
        fingerprint=given.fingerprint(),
        labeller_id=labeller_id,
        image_id=None,
        late=bool(opinions),
        milliseconds=given.milliseconds,
    )
    origin = "suggestion" if given.accepted and code is not None else "human"
    answers = [
        (number, attribute, code, "opinion" if number in opinions else origin) for number in given.images
    ]
    annotate_all(session, force, submission_id, answers)
    if code is not None and given.exceptions and is_somebody(session, attribute_id, code):
        session.execute(
            insert(NotThisPerson).prefix_with("OR REPLACE", dialect="sqlite"),
            [
                {"image_id": n, "attribute_id": attribute_id, "code": code, "submission_id": submission_id}
                for n in given.exceptions
            ],
        )
    return _outcome(session, session.get_one(Submission, submission_id))


def _check_images(session: Session, given: Confirmation) -> None:
    numbers = (*given.images, *given.exceptions)
    if not given.images or len(set(numbers)) < len(numbers):
        raise WrongUse(
            "bad_request",
            "A set holds at least one image, and each image once.",
            do="Send every image as one of `images` or as one of `exceptions`.",
        )
    known = set(session.scalars(select(Image.id).where(Image.id.in_(numbers))))
    if missing := sorted(set(numbers) - known):
        raise NotFound("unknown_image", f"There is no image {missing[0]}.", do="Ask for the next set.")


def _answered(session: Session, attribute_id: int, labeller_id: int, images: tuple[int, ...]) -> set[int]:
    """Images whose answer is somebody else's, or a reviewer's decision: it stands."""
    query = (
        select(Label.image_id, Submission.labeller_id, Annotation.origin)
        .join(Annotation, Annotation.id == Label.annotation_id)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(Label.image_id.in_(images), Label.attribute_id == attribute_id)
    )
    return {
        image
        for image, labeller, origin in session.execute(query)
        if labeller != labeller_id or origin == "review"
    }


def _outcome(session: Session, row: Submission) -> Confirmed:
    given = session.execute(
        select(Annotation.image_id, Annotation.attribute_id, Annotation.code, Annotation.origin).where(
            Annotation.submission_id == row.id
        )
    ).all()
    attribute_id, code = given[0].attribute_id, given[0].code
    person = session.get(ValueRow, (attribute_id, code)) if code is not None else None
    opinions = sorted(cell.image_id for cell in given if cell.origin == "opinion")
    return Confirmed(row.key, code, person.name if person else None, len(given), opinions)
