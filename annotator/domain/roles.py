"""The roles of a team, and what each may do."""

from __future__ import annotations

from enum import StrEnum

LOCAL_LABELLER = "local"
"""The labeller who answers while nobody has to log in."""


class Role(StrEnum):
    """What an account may do. Each role may do what those before it may."""

    LABELLER = "labeller"
    REVIEWER = "reviewer"
    ADMIN = "admin"


def may(role: str, needed: Role) -> bool:
    """Whether a role includes another one. An unknown role includes none."""
    order = list(Role)
    return role in order and order.index(Role(role)) >= order.index(needed)
