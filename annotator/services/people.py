"""The values of open attributes: people, added when they are first named."""

from __future__ import annotations

import unicodedata

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.schema import CANNOT_TELL_NAME
from annotator.errors import FacelabelError
from annotator.models import AttributeRow, ValueRow

MAX_NAME = 200


def code_of_person(session: Session, attribute: str, value: int | str) -> int:
    """The code of a person, by code or by name; a new name gets the next code.

    Raises:
        FacelabelError: if the code is unknown or the name is empty, too long or holds control characters.
    """
    attribute_id = session.scalars(select(AttributeRow.id).where(AttributeRow.name == attribute)).one()
    people = select(ValueRow.code).where(ValueRow.attribute_id == attribute_id)
    if isinstance(value, int):
        if session.scalar(people.where(ValueRow.code == value)) is None:
            raise FacelabelError(
                "unknown_value", f"{attribute} has no person with the code {value}.", do="Send a name."
            )
        return value
    name = clean_name(value)
    code = session.scalar(people.where(ValueRow.name == name))
    if code is None:
        last = session.scalar(select(func.max(ValueRow.code)).where(ValueRow.attribute_id == attribute_id))
        code = 0 if last is None else last + 1
        session.add(ValueRow(attribute_id=attribute_id, code=code, name=name, status="active", ends=False))
        session.flush()
    return code


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
