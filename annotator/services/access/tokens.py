"""Tokens, which programs send instead of a password."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from annotator.domain.roles import Scope
from annotator.errors import FacelabelError, NotFound
from annotator.models import ApiToken, Labeller, now
from annotator.services.access.account import Account, find_account
from annotator.services.access.sessions import digest

MAX_DAYS = 3650


def add_token(
    session: Session, name: str, purpose: str, scope: str = Scope.ADMIN, days: int | None = None
) -> str:
    """Add a token and return it. Only its hash is stored, so it cannot be shown again.

    Args:
        session: a writing session.
        name: the account that the token stands for.
        purpose: what it is for.
        scope: what it may do; never more than the account may at that time.
        days: how long it is valid; None: until it is revoked.

    Raises:
        NotFound: if there is no such account.
        FacelabelError: if there is no such scope.
    """
    if scope not in list(Scope):
        raise FacelabelError(
            "unknown_scope", f"There is no scope {scope!r}.", do=f"Choose one of {', '.join(Scope)}."
        )
    token = f"fl_{secrets.token_urlsafe(32)}"
    time = now()
    session.add(
        ApiToken(
            labeller_id=find_account(session, name).id,
            name=purpose,
            token_hash=digest(token),
            created_at=time,
            scope=scope,
            expires_at=time + timedelta(days=days) if days is not None else None,
        )
    )
    session.flush()
    return token


def account_of_token(session: Session, token: str) -> Account | None:
    """Return the active account of a token, or None."""
    row = session.connection().execute(_OF_TOKEN, {"token_hash": digest(token)}).one_or_none()
    if row is None:
        return None
    number, name, role, password_hash, qualified, token_id, scope, last_used, expires = row
    if expires is not None and expires < now():
        return None
    return Account(
        number, name, role, password_hash, qualified, token_id=token_id, scope=scope, last_used_at=last_used
    )


_OF_TOKEN = (
    select(
        Labeller.id, Labeller.name, Labeller.role, Labeller.password_hash, Labeller.qualified,
        ApiToken.id, ApiToken.scope, ApiToken.last_used_at, ApiToken.expires_at,
    )
    .join(ApiToken, ApiToken.labeller_id == Labeller.id)
    .where(ApiToken.token_hash == bindparam("token_hash"), ApiToken.revoked_at.is_(None), Labeller.active)
)  # fmt: skip


def revoke_tokens(session: Session, name: str) -> int:
    """Revoke all tokens of an account and return how many there were."""
    valid = (ApiToken.labeller_id == find_account(session, name).id) & ApiToken.revoked_at.is_(None)
    count = session.scalar(select(func.count()).select_from(ApiToken).where(valid)) or 0
    session.execute(update(ApiToken).where(valid).values(revoked_at=now()))
    return count


@dataclass(frozen=True)
class Token:
    """A token, without the secret. `purpose`: what it is for, in words."""

    id: int
    purpose: str
    scope: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


def open_tokens(session: Session) -> dict[int, list[Token]]:
    """Read the tokens that are neither revoked nor expired, by account, oldest first."""
    valid = ApiToken.revoked_at.is_(None) & or_(ApiToken.expires_at.is_(None), ApiToken.expires_at >= now())
    tokens: dict[int, list[Token]] = {}
    for row in session.scalars(select(ApiToken).where(valid).order_by(ApiToken.id)):
        token = Token(row.id, row.name, row.scope, row.created_at, row.expires_at, row.last_used_at)
        tokens.setdefault(row.labeller_id, []).append(token)
    return tokens


def revoke_token(session: Session, number: int, *, owner: int | None = None) -> None:
    """Revoke a token. If it is revoked already, nothing changes.

    Args:
        session: a writing session.
        number: the id of the token.
        owner: the account that it must belong to; None: any account.

    Raises:
        NotFound: if there is no such token.
    """
    row = session.get(ApiToken, number)
    if row is None or (owner is not None and row.labeller_id != owner):
        raise NotFound("unknown_token", f"There is no token {number}.", do="Load the page again.")
    row.revoked_at = row.revoked_at or now()
