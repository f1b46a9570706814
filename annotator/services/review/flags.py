"""Flags: notes that ask a reviewer to look at an image."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from annotator.domain.notes import clean_note
from annotator.errors import Conflict, NotFound
from annotator.models import Flag, Image, Labeller, now


@dataclass(frozen=True)
class FlagDetail:
    """A flag with the names of the labellers who raised and resolved it."""

    id: int
    image_id: int
    note: str
    labeller_id: int
    labeller: str
    created_at: datetime
    resolved_by: str | None
    resolved_at: datetime | None


def raise_flag(session: Session, labeller_id: int, key: str, image_id: int, note: str) -> FlagDetail:
    """Flag an image with a note. A repetition with the same key returns the same flag.

    Raises:
        Conflict: if the key was used for another flag.
        NotFound: if there is no such image.
        FacelabelError: if the note is empty, too long, or not plain text.
    """
    note = clean_note(note)
    row = session.scalar(select(Flag).where(Flag.key == key))
    if row is None:
        if session.get(Image, image_id) is None:
            raise NotFound("unknown_image", f"There is no image {image_id}.", do="Flag an image that exists.")
        row = Flag(image_id=image_id, labeller_id=labeller_id, key=key, note=note, created_at=now())
        session.add(row)
        session.flush()
    elif (row.image_id, row.labeller_id, row.note) != (image_id, labeller_id, note):
        raise Conflict(
            "key_reused",
            f"The idempotency key {key!r} was used for another flag.",
            kept="The first flag stands.",
            do="Make a new random key for every flag.",
        )
    return _read(session, Flag.id == row.id)[0]


def resolve_flag(session: Session, labeller_id: int, flag_id: int) -> FlagDetail:
    """Resolve a flag. If it is resolved already, the first labeller who did so stays recorded.

    Raises:
        NotFound: if there is no such flag.
    """
    row = session.get(Flag, flag_id)
    if row is None:
        raise NotFound("unknown_flag", f"There is no flag {flag_id}.", do="Load the page again.")
    if row.resolved_at is None:
        row.resolved_by, row.resolved_at = labeller_id, now()
        session.flush()
    return _read(session, Flag.id == row.id)[0]


def flags_of(session: Session, image_id: int) -> list[FlagDetail]:
    """Read all flags of an image, oldest first."""
    return _read(session, Flag.image_id == image_id)


def _read(session: Session, condition: object) -> list[FlagDetail]:
    resolver = aliased(Labeller)
    query = (
        select(Flag, Labeller.name, resolver.name)
        .join(Labeller, Labeller.id == Flag.labeller_id)
        .outerjoin(resolver, resolver.id == Flag.resolved_by)
        .where(condition)  # type: ignore[arg-type]
        .order_by(Flag.id)
    )
    return [
        FlagDetail(
            row.id,
            row.image_id,
            row.note,
            row.labeller_id,
            name,
            row.created_at,
            resolved_by,
            row.resolved_at,
        )
        for row, name, resolved_by in session.execute(query)
    ]
