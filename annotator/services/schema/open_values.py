"""The people of open attributes. A person is added when they are named for the first time."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.names import trim
from annotator.domain.schema import CANNOT_TELL_NAME
from annotator.errors import FacelabelError
from annotator.models import AttributeRow, ValueRow
from annotator.services.schema.active import active_schema

MAX_NAME = 200

UNKNOWN_PERSON = "unknown person"
"""The fixed answer for a person who is not one of those that the project names. Its images do not form a group."""


def code_of_person(session: Session, attribute: str, value: int | str) -> int:
    """Return the code of a person, given by code or by name.

    A new name gets the next code. A merged person has the code of the person that replaced them.

    Raises:
        FacelabelError: if the code is unknown, or the name is empty, too long or has control characters.
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


def placeholder_name(session: Session, attribute_id: int) -> str:
    """Return a free name for a person whose name is not known: "Person" and a number."""
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


def is_person(session: Session, attribute_id: int, code: int) -> bool:
    """Whether a value is anything but the answer "unknown person"."""
    row = session.get(ValueRow, (attribute_id, code))
    return row is None or row.name != UNKNOWN_PERSON


def person_names(session: Session, labels: Sequence[Mapping[str, int | None]]) -> list[dict[str, str]]:
    """For the labels of each image, return the names of their people by attribute."""
    active = active_schema(session)
    names: list[dict[str, str]] = [{} for _ in labels]
    for attribute in (a.name for a in active.schema.attributes if a.kind == "open"):
        codes = {code for image_labels in labels if (code := image_labels.get(attribute)) is not None}
        if not codes:
            continue
        query = select(ValueRow.code, ValueRow.name).where(
            ValueRow.attribute_id == active.ids[attribute], ValueRow.code.in_(codes)
        )
        people = dict(session.connection().execute(query).all())
        for image_labels, of_image in zip(labels, names, strict=True):
            code = image_labels.get(attribute)
            if code in people:
                of_image[attribute] = people[code]
    return names


def clean_name(text: str) -> str:
    """Return a name in composed Unicode (NFC), without spaces at its ends, of which some are invisible.

    Raises:
        FacelabelError: if the name is empty, too long, reserved, or has control characters.
    """
    name = trim(unicodedata.normalize("NFC", text))
    if not name or len(name) > MAX_NAME or name == CANNOT_TELL_NAME:
        raise FacelabelError(
            "bad_name",
            f"A name needs 1 to {MAX_NAME} characters, and {CANNOT_TELL_NAME!r} is reserved.",
            do="Send another name.",
        )
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise FacelabelError("bad_name", "A name cannot contain control characters.", do="Send another name.")
    return name
