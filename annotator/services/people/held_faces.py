"""Which faces each labeller looks at, so that nobody else is shown the same ones, whichever web process answers.

Each labeller's faces are one value in the row of their account: image id → until when, in seconds of Unix time.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from annotator.database import Database
from annotator.models import Labeller, now

HOLD_SECONDS = 120.0
_HELD = select(Labeller.id, Labeller.faces_held).where(Labeller.active)


def held_by_others(session: Session, labeller_id: int) -> set[int]:
    """The ids of the images whose face another labeller looks at."""
    others, _ = _read(session, labeller_id)
    return others


def hold_faces(
    database: Database, labeller_id: int, shown: Collection[int], new: Collection[int]
) -> set[int]:
    """Hold the faces of images for a labeller.

    Args:
        database: the project's database.
        labeller_id: the labeller.
        shown: images that they have already. What somebody else holds stays theirs.
        new: images that they are about to be shown: all of them or none.

    Returns:
        Those of `new` that somebody else has got meanwhile; then none of them is held.
    """
    if not shown and not new:
        return set()
    with database.write(durable=False) as session:
        others, mine = _read(session, labeller_id)
        lost = others.intersection(new)
        until = now().timestamp() + HOLD_SECONDS
        wanted = {*shown, *(() if lost else new)} - others
        mine |= dict.fromkeys(map(str, wanted), until)
        session.execute(update(Labeller).where(Labeller.id == labeller_id).values(faces_held=mine))
    return lost


def _read(session: Session, labeller_id: int) -> tuple[set[int], dict[str, float]]:
    """What others hold, and what the labeller does."""
    time, others, mine = now().timestamp(), set[int](), dict[str, float]()
    for holder, faces in session.execute(_HELD):
        live = {image: until for image, until in faces.items() if until > time}
        if holder == labeller_id:
            mine = live
        else:
            others.update(map(int, live))
    return others, mine
