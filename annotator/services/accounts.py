"""Accounts: who may do what, passwords, tokens. There is no self-registration and no default password."""

from __future__ import annotations

import hashlib
import secrets
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from annotator.errors import FacelabelError, NotFound
from annotator.models import ApiToken, Labeller, now
from annotator.services.people import clean_name

Role = Literal["labeller", "reviewer", "admin"]
ROLES: tuple[Role, ...] = ("labeller", "reviewer", "admin")
"""Each role may do what those before it may."""

MIN_PASSWORD = 10
_hasher = PasswordHasher()
# Checked when there is no such account, so that a wrong name takes as long as a wrong password.
_NOBODY = _hasher.hash(secrets.token_hex(16))


def may(role: str, needed: Role) -> bool:
    """Whether a role includes another one."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(needed)


def has_accounts(session: Session) -> bool:
    """Whether anybody can log in; until then the one local user needs no login."""
    return bool(session.scalar(select(func.count()).where(Labeller.password_hash.is_not(None))))


def add_account(session: Session, name: str, role: str, password: str) -> Labeller:
    """Make an account.

    Raises:
        FacelabelError: if the name is taken, or role or password will not do.
    """
    if role not in ROLES:
        raise FacelabelError(
            "unknown_role", f"There is no role {role!r}.", do=f"Choose one of {', '.join(ROLES)}."
        )
    name = clean_name(name)
    if session.scalar(select(Labeller.id).where(Labeller.name == name)) is not None:
        raise FacelabelError(
            "name_taken", f"There is an account {name!r} already.", do="Choose another name."
        )
    row = Labeller(name=name, role=role, password_hash=_hash(password), active=True, created_at=now())
    session.add(row)
    session.flush()
    return row


def set_password(session: Session, name: str, password: str) -> None:
    """Give an account another password; whoever is logged in with the old one no longer is."""
    find_account(session, name).password_hash = _hash(password)


def set_active(session: Session, name: str, active: bool) -> None:
    """Let an account in, or keep it out; what it answered stays."""
    find_account(session, name).active = active


def find_account(session: Session, name: str) -> Labeller:
    """The account of that name.

    Raises:
        NotFound: if there is none.
    """
    row = session.scalar(select(Labeller).where(Labeller.name == name))
    if row is None:
        raise NotFound(
            "unknown_account", f"There is no account {name!r}.", do="`facelabel users list` lists them."
        )
    return row


def check_password(session: Session, name: str, password: str) -> Labeller | None:
    """The active account with this name and password, or None."""
    row = session.scalar(select(Labeller).where(Labeller.name == name))
    known = row.password_hash if row is not None and row.password_hash else _NOBODY
    try:
        _hasher.verify(known, password)
    except (VerifyMismatchError, InvalidHashError):
        return None
    return row if row is not None and row.password_hash and row.active else None


def stamp(row: Labeller) -> str:
    """What a login remembers of the password, so that a new one ends it."""
    return hashlib.sha256((row.password_hash or "").encode()).hexdigest()[:16]


def add_token(session: Session, name: str, purpose: str) -> str:
    """Make a token for a program. It is returned once; only its hash is kept."""
    token = f"fl_{secrets.token_urlsafe(32)}"
    account = find_account(session, name)
    session.add(ApiToken(labeller_id=account.id, name=purpose, token_hash=_digest(token), created_at=now()))
    return token


def account_of_token(session: Session, token: str) -> Labeller | None:
    """The active account that a token stands for, or None."""
    return session.scalar(
        select(Labeller)
        .join(ApiToken, ApiToken.labeller_id == Labeller.id)
        .where(ApiToken.token_hash == _digest(token), ApiToken.revoked_at.is_(None), Labeller.active)
    )


def revoke_tokens(session: Session, name: str) -> int:
    """Make all tokens of an account useless; returns how many there were."""
    account = find_account(session, name)
    open_tokens = (ApiToken.labeller_id == account.id) & ApiToken.revoked_at.is_(None)
    count = session.scalar(select(func.count()).select_from(ApiToken).where(open_tokens)) or 0
    session.execute(update(ApiToken).where(open_tokens).values(revoked_at=now()))
    return count


def _hash(password: str) -> str:
    if len(password) < MIN_PASSWORD:
        raise FacelabelError(
            "weak_password",
            f"A password needs at least {MIN_PASSWORD} characters.",
            do="Choose a longer one.",
        )
    return _hasher.hash(password)


def _digest(token: str) -> str:
    # A token is 256 random bits: a plain hash is enough, a slow one would be paid at every request.
    return hashlib.sha256(token.encode()).hexdigest()
