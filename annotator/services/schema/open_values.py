"""The values of open attributes: people, added when they are first named."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.schema import CANNOT_TELL_NAME
from annotator.errors import FacelabelError
from annotator.models import AttributeRow, ValueRow
from annotator.services.schema.active import active_schema

MAX_NAME = 200

UNKNOWN_PERSON = "unknown person"
"""The fixed answer for somebody who is none of the people looked for: these images are no group of one person."""


def code_of_person(session: Session, attribute: str, value: int | str) -> int:
    """The code of a person, by code or by name; a new name gets the next code, a merged person is who they are now.

    Raises:
        FacelabelError: if the code is unknown or the name is empty, too long or holds control characters.
    """
    attribute_id = session.scalars(select(AttributeRow.id).where(AttributeRow.name == attribute)).one()
    people = select(ValueRow).where(ValueRow.attribute_id == attribute_id)
    if isinstance(value, int):
        row = session.scalar(people.where(ValueRow.code == value))
        if row is None:
            raise FacelabelError(
                "unknown_value", f"{attribute} has no person with the code {value}.", do="Send a name."
            )
    else:
        name = clean_name(value)
        row = session.scalar(people.where(ValueRow.name == name))
        if row is None:
            row = _add_person(session, attribute_id, name)
    while row.merged_into is not None:
        row = session.get_one(ValueRow, (attribute_id, row.merged_into))
    return row.code


def _add_person(session: Session, attribute_id: int, name: str) -> ValueRow:
    last = session.scalar(select(func.max(ValueRow.code)).where(ValueRow.attribute_id == attribute_id))
    code = 0 if last is None else last + 1
    row = ValueRow(attribute_id=attribute_id, code=code, name=name, status="active", ends=False)
    session.add(row)
    session.flush()
    return row


def number_as_name(session: Session, attribute_id: int) -> str:
    """A name for a person whose name nobody knows: "Person" and a number that no other one has."""
    number = (
        session.scalar(select(func.max(ValueRow.code)).where(ValueRow.attribute_id == attribute_id)) or 0
    ) + 1
    while (
        session.scalar(
            select(ValueRow.code).where(
                ValueRow.attribute_id == attribute_id, ValueRow.name == f"Person {number}"
            )
        )
        is not None
    ):
        number += 1
    return f"Person {number}"


def is_somebody(session: Session, attribute_id: int, code: int) -> bool:
    """Whether a value is one person (or any value of another kind), not the answer "unknown person"."""
    row = session.get(ValueRow, (attribute_id, code))
    return row is None or row.name != UNKNOWN_PERSON


def names_among(session: Session, labels: Sequence[Mapping[str, int | None]]) -> list[dict[str, str]]:
    """For the labels of each image the names of the people among them, by attribute."""
    active = active_schema(session)
    names: list[dict[str, str]] = [{} for _ in labels]
    for attribute in (a.name for a in active.schema.attributes if a.kind == "open"):
        codes = {code for given in labels if (code := given.get(attribute)) is not None}
        if not codes:
            continue
        query = select(ValueRow.code, ValueRow.name).where(
            ValueRow.attribute_id == active.ids[attribute], ValueRow.code.in_(codes)
        )
        people = dict(session.connection().execute(query).all())
        for given, of_image in zip(labels, names, strict=True):
            code = given.get(attribute)
            if code in people:
                of_image[attribute] = people[code]
    return names


def clean_name(text: str) -> str:
    """A person's name in composed Unicode, without spaces at its ends.

    Raises:
        FacelabelError: if nothing usable is left.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not name or len(name) > MAX_NAME or name == CANNOT_TELL_NAME:
        raise FacelabelError("bad_name", f"A name needs 1 to {MAX_NAME} characters.", do="Send another name.")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise FacelabelError("bad_name", "A name cannot hold control characters.", do="Send another name.")
    return name
