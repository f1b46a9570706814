"""Confirming that faces are of one person: one submission for all of them, taken back as one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from annotator.domain.precedence import CellState, KeptAs, Way, decide
from annotator.domain.states import Origin, SubmissionKind
from annotator.errors import NotFound, WrongUse
from annotator.models import Annotation, NotThisPerson, Submission, ValueRow
from annotator.services.annotation.log import add_submission, annotate_all, find_submission
from annotator.services.annotation.standing import read_cell_states
from annotator.services.people.face_sets import identity_attribute
from annotator.services.schema.active import active_schema
from annotator.services.schema.open_values import UNKNOWN_PERSON, code_of_person, is_somebody, number_as_name


@dataclass(frozen=True)
class Confirmation:
    """A set as it came in.

    Args:
        key: the idempotency key.
        person: a code or a name (a new one adds a person), or None for a new person who gets a number as name.
        images: who is this person.
        exceptions: images of the set that are not: they stay open, and are not proposed as this person's again.
        unsure: images of the set in which nobody can tell who it is.
        unknown: images of the set with somebody who is none of the people looked for.
        accepted: whether the person was suggested.
        milliseconds: how long it took.
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
        """The images that get an answer."""
        return (*self.images, *self.unsure, *self.unknown)

    def fingerprint(self) -> str:
        """What a repetition with the same key must agree in."""
        parts = (self.images, self.exceptions, self.unsure, self.unknown)
        body = ["people", self.person, *map(sorted, parts), self.accepted]
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
        return _outcome(session, known, given)
    attribute_id, attribute = identity_attribute(session)
    cells = _cells(session, labeller_id, attribute_id, given)
    active = active_schema(session)
    codes = _codes(session, attribute_id, attribute, given)
    opinions = {n for n in given.answered if decide(cells[n], Way.PEOPLE) is KeptAs.OPINION}
    submission_id = add_submission(
        session,
        key=given.key,
        kind=SubmissionKind.PEOPLE,
        fingerprint=given.fingerprint(),
        labeller_id=labeller_id,
        image_id=None,
        late=bool(opinions),
        milliseconds=given.milliseconds,
    )
    accepted = set(given.images) if given.accepted else set()
    answers = [
        (
            number,
            attribute,
            codes[number],
            Origin.OPINION
            if number in opinions
            else Origin.SUGGESTION
            if number in accepted
            else Origin.HUMAN,
        )
        for number in given.answered
    ]
    annotate_all(session, active, submission_id, answers)
    code = codes[given.images[0]] if given.images else given.person
    if isinstance(code, int) and given.exceptions and is_somebody(session, attribute_id, code):
        session.execute(
            insert(NotThisPerson).prefix_with("OR REPLACE", dialect="sqlite"),
            [
                {"image_id": n, "attribute_id": attribute_id, "code": code, "submission_id": submission_id}
                for n in given.exceptions
            ],
        )
    return _outcome(session, session.get_one(Submission, submission_id), given)


def _codes(session: Session, attribute_id: int, attribute: str, given: Confirmation) -> dict[int, int | None]:
    """The answer to each image; people who are new are added."""
    codes: dict[int, int | None] = dict.fromkeys(given.unsure)
    if given.unknown:
        codes |= dict.fromkeys(given.unknown, code_of_person(session, attribute, UNKNOWN_PERSON))
    if given.images:
        person = number_as_name(session, attribute_id) if given.person is None else given.person
        codes |= dict.fromkeys(given.images, code_of_person(session, attribute, person))
    elif isinstance(given.person, int):
        code_of_person(session, attribute, given.person)  # whose the exceptions are not
    return codes


def _cells(
    session: Session, labeller_id: int, attribute_id: int, given: Confirmation
) -> dict[int, CellState]:
    """How the cells of a set stand, by image."""
    numbers = (*given.answered, *given.exceptions)
    if not numbers or len(set(numbers)) < len(numbers):
        raise WrongUse(
            "bad_request", "A set holds at least one image, and each image once.", do="Send each image once."
        )
    cells = read_cell_states(session, attribute_id, labeller_id, dict.fromkeys(numbers))
    if missing := sorted(set(numbers) - cells.keys()):
        raise NotFound("unknown_image", f"There is no image {missing[0]}.", do="Ask for the next set.")
    return cells


def _outcome(session: Session, row: Submission, given: Confirmation) -> Confirmed:
    cells = session.execute(
        select(Annotation.image_id, Annotation.attribute_id, Annotation.code, Annotation.origin).where(
            Annotation.submission_id == row.id
        )
    ).all()
    named = next((cell for cell in cells if cell.image_id in given.images), None)
    person = session.get(ValueRow, (named.attribute_id, named.code)) if named is not None else None
    return Confirmed(
        key=row.key,
        code=person.code if person else None,
        name=person.name if person else None,
        answered=len(cells),
        opinions=sorted(cell.image_id for cell in cells if cell.origin == Origin.OPINION),
    )
