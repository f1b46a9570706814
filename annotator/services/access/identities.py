"""The accounts of people who log in through an OpenID Connect provider: made at the first login, with a role from a claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from annotator.domain.roles import NO_PASSWORD, Role
from annotator.errors import FacelabelError
from annotator.models import Identity, Labeller, now
from annotator.services.access.account import account_number, starts_qualified
from annotator.services.access.sessions import end_sessions
from annotator.services.access.tokens import revoke_tokens
from annotator.services.schema.open_values import clean_name


@dataclass(frozen=True)
class RoleRule:
    """How claims give a role.

    Args:
        claim: the claim that lists groups or roles; `a.b` is the claim b within a.
        roles: the role that each value of the claim gives. Empty: new accounts are labellers, and an admin gives roles.
        refuse: refuse people whose claim gives no role; otherwise they are labellers.
    """

    claim: str
    roles: Mapping[str, Role]
    refuse: bool = False

    def role_of(self, claims: Mapping[str, Any]) -> Role | None:
        """The highest role that the claims give; None if they are refused."""
        value = claims.get(self.claim)
        if value is None:
            value = claims
            for part in self.claim.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
        values = value if isinstance(value, list) else [value]
        given = [self.roles[entry] for entry in values if isinstance(entry, str) and entry in self.roles]
        if given:
            return max(given, key=list(Role).index)
        return None if self.refuse and self.roles else Role.LABELLER


def account_of_identity(
    session: Session, issuer: str, claims: Mapping[str, Any], name_claim: str, rule: RoleRule
) -> Labeller | None:
    """Find or make the account of somebody whom a provider knows, and give it its role.

    An account is found by the provider's identifier only, never by a name or an address of mail, which people can choose.

    Args:
        session: a writing session.
        issuer: the provider.
        claims: what the provider says, with `sub`.
        name_claim: the claim that a new account is named after.
        rule: how claims give a role.

    Returns:
        the account; None if the person is refused or the account is disabled. Then its sessions and tokens have ended.
    """
    subject, role = str(claims["sub"]), rule.role_of(claims)
    identity = session.get(Identity, (issuer, subject))
    row = session.get_one(Labeller, identity.labeller_id) if identity is not None else None
    if role is None or (row is not None and not row.active):
        if row is not None:
            end_sessions(session, row.id)
            revoke_tokens(session, row.name)
        return None
    if row is None:
        row = Labeller(
            name=_free_name(session, claims, name_claim),
            role=role,
            password_hash=NO_PASSWORD,
            active=True,
            created_at=now(),
        )
        row.qualified = starts_qualified(session, role)
        session.add(row)
        session.flush()
        session.add(Identity(issuer=issuer, subject=subject, labeller_id=row.id))
    elif rule.roles:
        row.role = role
    session.flush()
    return row


def _free_name(session: Session, claims: Mapping[str, Any], name_claim: str) -> str:
    """A name for a new account that nobody has, from the claims."""
    chosen = "somebody"
    for claim in (name_claim, "preferred_username", "name", "email", "sub"):
        try:
            chosen = clean_name(str(claims.get(claim) or ""))
            break
        except FacelabelError:
            continue
    name, number = chosen, 2
    while account_number(session, name) is not None:
        name, number = f"{chosen} {number}", number + 1
    return name
