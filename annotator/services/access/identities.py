"""The accounts of people who log in through an OpenID Connect provider: made at the first login, with a role from a claim.

An account with a password is linked to a provider's login by its owner, who proves both within ten minutes, or by an admin, who
names the provider's identifier of the person. No name and no address of mail links anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from annotator.domain.roles import NO_PASSWORD, Role
from annotator.errors import Conflict, FacelabelError, NotFound
from annotator.models import Identity, Labeller, now
from annotator.services.access.account import account_number, starts_qualified
from annotator.services.access.sessions import end_provider_sessions, end_sessions
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


def linked_issuers(session: Session, labeller_id: int) -> list[str]:
    """The providers whose logins open an account."""
    query = select(Identity.issuer).where(Identity.labeller_id == labeller_id)
    return sorted(set(session.scalars(query)))


def link_identity(session: Session, labeller_id: int, issuer: str, subject: str) -> Labeller:
    """Let a provider's login open an existing account, too. Linking it again changes nothing.

    Args:
        session: a writing session.
        labeller_id: the account.
        issuer: the provider.
        subject: its identifier of the person (`sub`).

    Raises:
        NotFound: if there is no such account, or it is disabled.
        Conflict: if this login opens another account, or another login of the provider opens this one.
    """
    account = _active_account(session, labeller_id)
    identity = session.get(Identity, (issuer, subject))
    if identity is not None and identity.labeller_id == labeller_id:
        return account
    if identity is not None:
        other = session.get_one(Labeller, identity.labeller_id).name
        raise Conflict(
            "identity_taken",
            f"This login opens the account {other!r}.",
            kept="Nothing was linked.",
            do="Unlink it there first; an account without a password is deleted instead.",
        )
    if issuer in linked_issuers(session, labeller_id):
        raise Conflict(
            "already_linked",
            f"Another login of {issuer} opens the account {account.name!r}.",
            kept="Nothing was linked.",
            do="Unlink it first.",
        )
    session.add(Identity(issuer=issuer, subject=subject, labeller_id=labeller_id))
    session.flush()
    return account


def unlink_identities(session: Session, labeller_id: int) -> int:
    """Let no provider's login open an account any more, and end the sessions that began so.

    Returns:
        how many logins opened it.

    Raises:
        NotFound: if there is no such account.
        Conflict: if it has no password: nobody could log in as it any more.
    """
    account = session.get(Labeller, labeller_id)
    if account is None or account.password_hash is None:
        raise NotFound("unknown_account", f"There is no account {labeller_id}.", do="Load the page again.")
    if account.password_hash == NO_PASSWORD:
        raise Conflict(
            "no_password",
            f"{account.name!r} has no password: without the provider nobody could log in as it.",
            kept="The login through the provider still opens it.",
            do="Ask an admin to give it a password first, or to delete it.",
        )
    count = len(list(session.scalars(select(Identity).where(Identity.labeller_id == labeller_id))))
    session.execute(delete(Identity).where(Identity.labeller_id == labeller_id))
    end_provider_sessions(session, labeller_id)
    return count


def _active_account(session: Session, labeller_id: int) -> Labeller:
    account = session.get(Labeller, labeller_id)
    if account is None or account.password_hash is None or not account.active:
        raise NotFound(
            "unknown_account", f"There is no active account {labeller_id}.", do="Load the page again."
        )
    return account


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
