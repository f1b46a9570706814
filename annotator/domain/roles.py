"""The roles of a team and what they include, and the scopes of tokens."""

from __future__ import annotations

from enum import StrEnum

LOCAL_LABELLER = "local"
"""The name of the labeller who answers while the project has no accounts."""

NO_PASSWORD = "!"  # noqa: S105 - not a secret: no password has this hash
"""The `password_hash` of an account that logs in only through an OpenID Connect provider."""


class Role(StrEnum):
    """What an account may do. Each role includes the roles before it."""

    LABELLER = "labeller"
    REVIEWER = "reviewer"
    ADMIN = "admin"


class Scope(StrEnum):
    """What a token may do. Each scope includes the scopes before it, and never more than the token's owner may do now."""

    READ = "read"
    """Read what the owner may read, and change nothing."""
    LABEL = "label"
    """Also ask for work, answer, undo and flag."""
    ADMIN = "admin"
    """Everything that the owner may do."""


def may(role: str, needed: Role) -> bool:
    """Whether a role includes another one. An unknown role includes none."""
    order = list(Role)
    return role in order and order.index(Role(role)) >= order.index(needed)
