"""The hashes of erased images and photos: imports leave them out, and no later image gets the number of an erased one."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from annotator.models import Erasure, Image, Tombstone

_CHUNK = 500


def erased_hashes(session: Session, sha256: Collection[str]) -> set[str]:
    """Return those of the hashes whose image or photo was erased."""
    hashes, found = sorted(sha256), set[str]()
    for start in range(0, len(hashes), _CHUNK):
        query = select(Tombstone.sha256).where(Tombstone.sha256.in_(hashes[start : start + _CHUNK]))
        found |= set(session.scalars(query))
    return found


def lift_tombstones(session: Session, sha256: Collection[str]) -> None:
    """Forget that these images were erased, because a user asked for their return."""
    hashes = sorted(sha256)
    for start in range(0, len(hashes), _CHUNK):
        session.execute(delete(Tombstone).where(Tombstone.sha256.in_(hashes[start : start + _CHUNK])))


def next_image_id(session: Session) -> int:
    """Return a number that no image has or had: an answer to an erased image must never reach another one."""
    newest = session.scalar(select(func.max(Image.id))) or 0
    return max(newest, session.scalar(select(func.max(Erasure.newest_image))) or 0) + 1
