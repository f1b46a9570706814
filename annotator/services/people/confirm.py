"""Confirm that faces belong to one person: one submission for the whole set, undone as a whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.database.statements import replace_rows
from annotator.domain.precedence import CellState, KeptAs, Way, decide
from annotator.domain.states import Origin, SubmissionKind
from annotator.errors import NotFound, WrongUse
from annotator.models import Annotation, NotThisPerson, Submission, ValueRow
from annotator.services.annotation.exclude import excluded_among
from annotator.services.annotation.log import add_submission, annotate_all, find_submission
from annotator.services.annotation.standing import read_cell_states
from annotator.services.people.face_sets import identity_attribute
from annotator.services.schema.active import active_schema
from annotator.services.schema.open_values import UNKNOWN_PERSON, code_of_person, is_person, placeholder_name


@dataclass(frozen=True)
class Confirmation:
    """What a labeller says about a set of faces.

    Args:
        key: the idempotency key.
        person: a code, or a name (a new name adds a person), or None: a new person, who gets a number as name.
        images: images of this person.
        exceptions: images of the set that show somebody else. They stay open, and are not proposed as this person again.
        unsure: images in which one can't tell who it is.
        unknown: images with a person who is not one of those that the project names.
        accepted: whether the person was the suggested one.
        milliseconds: how long the answer took.
    """

    key: str
    person: int | str | None
    images: tuple[int, ...] = ()
    exceptions: tuple[int, ...] = ()
    unsure: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()
    accepted: bool = False
    milliseconds: int | None = None

    @property
    def answered(self) -> tuple[int, ...]:
        """The images that get an answer: all but the exceptions."""
        return (*self.images, *self.unsure, *self.unknown)

    def fingerprint(self) -> str:
        """A hash of the content: a repetition with the same key must have the same one."""
        parts = (self.images, self.exceptions, self.unsure, self.unknown)
        body = ["people", self.person, *map(sorted, parts), self.accepted]
        return hashlib.sha256(json.dumps(body).encode()).hexdigest()


@dataclass(frozen=True)
class Confirmed:
    """What became of a set. `opinions`: images whose label this answer did not become. `excluded`: images that do not count."""

    key: str
    code: int | None
    name: str | None
    answered: int
    opinions: list[int]
    excluded: list[int]


def confirm(session: Session, labeller_id: int, confirmation: Confirmation) -> Confirmed:
    """Keep the answers to a set, all or none. A repetition with the same key changes nothing.

    Images of the test split are answered like others: identity decides which images form a group, and no model learns it.

    Raises:
        Conflict: if the key was used for another request.
        NotFound: if there is no such image.
        FacelabelError: if the name is not allowed, or an image occurs twice.
    """
    existing = find_submission(session, confirmation.key, confirmation.fingerprint(), labeller_id)
    if existing is not None:
        return _outcome(session, existing, confirmation)
    attribute_id, attribute = identity_attribute(session)
    cells = _cells(session, labeller_id, attribute_id, confirmation)
    active = active_schema(session)
    codes = _codes(session, attribute_id, attribute, confirmation)
    opinions = {n for n in confirmation.answered if decide(cells[n], Way.PEOPLE) is KeptAs.OPINION}
    submission_id = add_submission(
        session,
        key=confirmation.key,
        kind=SubmissionKind.PEOPLE,
        fingerprint=confirmation.fingerprint(),
        labeller_id=labeller_id,
        image_id=None,
        late=bool(opinions),
        milliseconds=confirmation.milliseconds,
    )
    origins = dict.fromkeys(confirmation.answered, Origin.HUMAN)
    if confirmation.accepted:
        origins |= dict.fromkeys(confirmation.images, Origin.SUGGESTION)
    origins |= dict.fromkeys(opinions, Origin.OPINION)
    answers = [(number, attribute, codes[number], origins[number]) for number in confirmation.answered]
    annotate_all(session, active, submission_id, answers)
    code = codes[confirmation.images[0]] if confirmation.images else confirmation.person
    if isinstance(code, int) and confirmation.exceptions and is_person(session, attribute_id, code):
        session.execute(
            replace_rows(NotThisPerson),
            [
                {"image_id": n, "attribute_id": attribute_id, "code": code, "submission_id": submission_id}
                for n in confirmation.exceptions
            ],
        )
    return _outcome(session, session.get_one(Submission, submission_id), confirmation)


def _codes(
    session: Session, attribute_id: int, attribute: str, confirmation: Confirmation
) -> dict[int, int | None]:
    """The answered code by image. New people are added."""
    codes: dict[int, int | None] = dict.fromkeys(confirmation.unsure)
    if confirmation.unknown:
        codes |= dict.fromkeys(confirmation.unknown, code_of_person(session, attribute, UNKNOWN_PERSON))
    if confirmation.images:
        person = confirmation.person
        if person is None:
            person = placeholder_name(session, attribute_id)
        codes |= dict.fromkeys(confirmation.images, code_of_person(session, attribute, person))
    elif isinstance(confirmation.person, int):
        code_of_person(session, attribute, confirmation.person)  # the person of the exceptions must exist
    return codes


def _cells(
    session: Session, labeller_id: int, attribute_id: int, confirmation: Confirmation
) -> dict[int, CellState]:
    """How the cells of a set stand, by image."""
    numbers = (*confirmation.answered, *confirmation.exceptions)
    if not numbers or len(set(numbers)) < len(numbers):
        raise WrongUse(
            "bad_request", "A set needs at least one image, and no image twice.", do="Send each image once."
        )
    cells = read_cell_states(session, attribute_id, labeller_id, dict.fromkeys(numbers))
    if missing := sorted(set(numbers) - cells.keys()):
        raise NotFound("unknown_image", f"There is no image {missing[0]}.", do="Ask for the next set.")
    return cells


def _outcome(session: Session, row: Submission, confirmation: Confirmation) -> Confirmed:
    cells = session.execute(
        select(Annotation.image_id, Annotation.attribute_id, Annotation.code, Annotation.origin).where(
            Annotation.submission_id == row.id
        )
    ).all()
    named = next((cell for cell in cells if cell.image_id in confirmation.images), None)
    person = session.get(ValueRow, (named.attribute_id, named.code)) if named is not None else None
    return Confirmed(
        key=row.key,
        code=person.code if person else None,
        name=person.name if person else None,
        answered=len(cells),
        opinions=sorted(cell.image_id for cell in cells if cell.origin == Origin.OPINION),
        excluded=excluded_among(session, [cell.image_id for cell in cells]),
    )
