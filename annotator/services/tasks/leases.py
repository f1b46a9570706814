"""Leases: an image is given to one labeller for a while; the lease's token shows that an answer comes in time."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType

from sqlalchemy import bindparam, delete, exists, func, select, update
from sqlalchemy.orm import Session

from annotator.database.statements import replace_rows
from annotator.models import Image, Lease, now
from annotator.services.project_settings import project_settings

MOST_LEASES = 60
"""Leases that one labeller holds at most; further ones end those that expire first.

The label page and *Sweep* fit beside each other, and nobody can reserve a project.
"""

NOT_DRAWN: Mapping[int, float | None] = MappingProxyType({})
"""For images that came in another way than by the order of work."""

NOT_LEASED = ~exists().where(Lease.image_id == Image.id, Lease.expires_at > bindparam(None, callable_=now))
"""The condition that nobody holds an image by a live lease."""


def put_leases(
    session: Session,
    image_ids: Sequence[int],
    labeller_id: int,
    lease_seconds: int,
    drawn: Mapping[int, float | None] = NOT_DRAWN,
) -> dict[int, str]:
    """Lease images to a labeller; earlier leases of these images end, and so do the labeller's leases beyond MOST_LEASES.

    Args:
        session: a writing session.
        image_ids: the images.
        labeller_id: who gets them.
        lease_seconds: for how long.
        drawn: how some of them were drawn (`Lease.drawn`).

    Returns:
        Image id → token.
    """
    expires_at = now() + timedelta(seconds=lease_seconds)
    tokens = {image_id: secrets.token_urlsafe(16) for image_id in image_ids}
    rows = [
        {
            "image_id": image_id,
            "labeller_id": labeller_id,
            "token": token,
            "expires_at": expires_at,
            "drawn": drawn.get(image_id),
            "withheld": None,
            "suggested": None,
        }
        for image_id, token in tokens.items()
    ]
    session.connection().execute(_PUT_LEASES, rows)
    held = session.connection().scalar(_COUNT_MINE, {"me": labeller_id}) or 0
    if held > MOST_LEASES:
        session.connection().execute(_END_OLDEST, {"me": labeller_id, "held": max(MOST_LEASES, len(rows))})
    return tokens


def renew_leases(
    session: Session, labeller_id: int, tokens: list[str], lease_seconds: int
) -> tuple[list[str], list[str]]:
    """Renew the leases that a page still works on. Returns the renewed tokens and the lost ones.

    Leases that end later than any lease can are void: the clock was wrong when they were made.
    """
    ends = now() + timedelta(seconds=lease_seconds)
    renewed: set[str] = set()
    if tokens:
        mine = (Lease.labeller_id == labeller_id) & Lease.token.in_(tokens)
        renewed = set(session.scalars(select(Lease.token).where(mine)))
        session.execute(update(Lease).where(mine).values(expires_at=ends))
    latest, last = ends + _CLOCK_STEP, project_settings(session).last_lease
    if last is not None and last > latest:
        session.execute(delete(Lease).where(Lease.expires_at > latest))
    return [t for t in tokens if t in renewed], [t for t in tokens if t not in renewed]


def give_up_leases(session: Session, labeller_id: int, tokens: Collection[str]) -> None:
    """End leases of a labeller, so that others can have the images."""
    if tokens:
        session.execute(delete(Lease).where(Lease.labeller_id == labeller_id, Lease.token.in_(tokens)))


def leased_to_others(session: Session, labeller_id: int) -> set[int]:
    """The ids of all images that other labellers hold by live leases."""
    return set(session.connection().scalars(_LEASED_TO_OTHERS, {"labeller_id": labeller_id, "now": now()}))


_CLOCK_STEP = timedelta(minutes=1)
"""By so much a clock may be put back without any lease ending."""
_PUT_LEASES = replace_rows(Lease)
_OLDEST = (
    select(Lease.image_id)
    .where(Lease.labeller_id == bindparam("me"))
    .order_by(Lease.expires_at.desc())
    .offset(bindparam("held"))
)
_END_OLDEST = delete(Lease).where(Lease.image_id.in_(_OLDEST))
_COUNT_MINE = select(func.count()).where(Lease.labeller_id == bindparam("me"))
_LEASED_TO_OTHERS = select(Lease.image_id).where(
    Lease.labeller_id != bindparam("labeller_id"), Lease.expires_at > bindparam("now")
)
