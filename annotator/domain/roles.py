"""The roles of a team, and what they include."""

from __future__ import annotations

from enum import StrEnum

LOCAL_LABELLER = "local"
"""The name of the labeller who answers while the project has no accounts."""


class Role(StrEnum):
    """What an account may do. Each role includes the roles before it."""

    LABELLER = "labeller"
    REVIEWER = "reviewer"
    ADMIN = "admin"


def may(role: str, needed: Role) -> bool:
    """Whether a role includes another one. An unknown role includes none."""
    order = list(Role)
    return role in order and order.index(Role(role)) >= order.index(needed)
