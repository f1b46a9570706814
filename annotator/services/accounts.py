"""Accounts: roles, passwords and tokens. There is no self-registration and no default password."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import bindparam, delete, exists, func, select, update
from sqlalchemy.orm import Session

from annotator.domain.roles import LOCAL_LABELLER, Role
from annotator.errors import FacelabelError, NotFound
from annotator.models import ApiToken, Labeller, Lease, Project, StoredStatistics, now
from annotator.services.schema.open_values import clean_name

MIN_PASSWORD = 10
_hasher = PasswordHasher()


@cache
def _dummy_hash() -> str:
    """A hash to check if there is no such account, so that a wrong name takes as long as a wrong password."""
    return _hasher.hash(secrets.token_hex(16))


@dataclass(frozen=True)
class Account:
    """The account that sends a request."""

    id: int
    name: str
    role: str
    password_hash: str | None
    qualified: bool = True

    @property
    def must_qualify(self) -> bool:
        """Whether they are a labeller who must pass the qualification first."""
        return not self.qualified and self.role == Role.LABELLER


def has_accounts(session: Session) -> bool:
    """Whether anybody can log in. Until then the one local user needs no login."""
    return bool(session.scalar(select(_CAN_LOG_IN)))


def add_account(session: Session, name: str, role: str, password: str) -> Labeller:
    """Add an account.

    Raises:
        FacelabelError: if the name is taken or not allowed, there is no such role, or the password is too short.
    """
    _check_role(role)
    name = clean_name(name)
    _require_free(session, name)
    row = Labeller(name=name, role=role, password_hash=_hash(password), active=True, created_at=now())
    row.qualified = role != Role.LABELLER or not session.scalar(select(Project.qualification_images))
    session.add(row)
    session.flush()
    return row


def set_password(session: Session, name: str, password: str) -> None:
    """Give an account another password. This ends the logins with the old one."""
    find_account(session, name).password_hash = _hash(password)


def set_active(session: Session, name: str, active: bool) -> None:
    """Let an account log in, or not. Its answers stay."""
    find_account(session, name).active = active


def set_role(session: Session, name: str, role: str) -> None:
    """Give an account another role.

    Raises:
        FacelabelError: if there is no such role.
    """
    find_account(session, name).role = _check_role(role)


def change_account(
    session: Session,
    number: int,
    *,
    name: str | None = None,
    role: str | None = None,
    active: bool | None = None,
    password: str | None = None,
) -> Labeller:
    """Change an account. Arguments that are None leave their setting as it is.

    Args:
        session: a writing session.
        number: the id of the account.
        name: the new name; the old one disappears from all pages and from what is exported from now on.
        role: the new role.
        active: whether it may log in.
        password: the new password.

    Raises:
        NotFound: if there is no such account.
        FacelabelError: if the name is taken or not allowed, there is no such role, the password is too short, or no admin would
            be left.
    """
    account = _account(session, number)
    if name is not None and (new_name := clean_name(name)) != account.name:
        _require_free(session, new_name)
        _set_name(session, account, new_name)
    if role is not None:
        set_role(session, account.name, role)
    if active is not None:
        set_active(session, account.name, active)
    if password is not None:
        set_password(session, account.name, password)
    _require_admin(session, account)
    return account


def delete_account(session: Session, number: int, *, forget_name: bool) -> Labeller:
    """Delete an account: its password, tokens and leases. Its answers stay, and nobody can log in as it again.

    Args:
        session: a writing session.
        number: the id of the account.
        forget_name: whether its answers stay under "former labeller N" instead of its name.

    Raises:
        NotFound: if there is no such account.
        FacelabelError: if no admin would be left.
    """
    account = _account(session, number)
    account.password_hash, account.active, account.role = None, False, Role.LABELLER
    session.execute(delete(ApiToken).where(ApiToken.labeller_id == number))
    session.execute(delete(Lease).where(Lease.labeller_id == number))
    if forget_name:
        former = f"former labeller {number}"
        while session.scalar(select(Labeller.id).where(Labeller.name == former)) is not None:
            former += "'"  # somebody chose this name
        _set_name(session, account, former)
    _require_admin(session, account)
    return account


def _account(session: Session, number: int) -> Labeller:
    account = session.get(Labeller, number)
    if account is None or account.password_hash is None:
        raise NotFound("unknown_account", f"There is no account {number}.", do="Load the page again.")
    return account


def _set_name(session: Session, account: Labeller, name: str) -> None:
    """Give an account another name, and forget statistics, which hold names; the worker counts them again."""
    account.name = name
    session.execute(delete(StoredStatistics))


def _require_free(session: Session, name: str) -> None:
    if session.scalar(select(Labeller.id).where(Labeller.name == name)) is not None:
        raise FacelabelError(
            "name_taken", f"There is already an account {name!r}.", do="Choose another name."
        )


def _require_admin(session: Session, changed: Labeller) -> None:
    """Refuse a change after which nobody could add accounts."""
    session.flush()
    admins = (Labeller.role == Role.ADMIN) & Labeller.active & Labeller.password_hash.is_not(None)
    if session.scalar(select(Labeller.id).where(admins).limit(1)) is None:
        raise FacelabelError(
            "last_admin",
            f"{changed.name} is the last admin. Without an admin nobody could add accounts.",
            do="Make another account an admin first.",
        )


def list_accounts(session: Session) -> list[Labeller]:
    """All who answer, with an account or without, in the order in which they were added."""
    return list(session.scalars(select(Labeller).order_by(Labeller.id)))


def local_labeller(session: Session) -> int:
    """The id of the labeller in whose name this machine's commands answer."""
    return session.scalars(select(Labeller.id).where(Labeller.name == LOCAL_LABELLER)).one()


def find_account(session: Session, name: str) -> Labeller:
    """Find an account by name.

    Raises:
        NotFound: if there is no such account.
    """
    row = session.scalar(select(Labeller).where(Labeller.name == name))
    if row is None:
        raise NotFound(
            "unknown_account",
            f"There is no account {name!r}.",
            do="List the accounts with `facelabel users list`.",
        )
    return row


def check_password(session: Session, name: str, password: str) -> Labeller | None:
    """Return the active account with this name and password, or None."""
    row = session.scalar(select(Labeller).where(Labeller.name == name))
    expected = row.password_hash if row is not None and row.password_hash else _dummy_hash()
    try:
        _hasher.verify(expected, password)
    except (VerifyMismatchError, InvalidHashError):
        return None
    return row if row is not None and row.password_hash and row.active else None


def password_stamp(password_hash: str | None) -> str:
    """A short hash of the password's hash. A login remembers it, so that a new password ends the login."""
    return hashlib.sha256((password_hash or "").encode()).hexdigest()[:16]


def add_token(session: Session, name: str, purpose: str) -> str:
    """Add a token for a program and return it. Only its hash is stored, so it cannot be shown again."""
    token = f"fl_{secrets.token_urlsafe(32)}"
    account = find_account(session, name)
    session.add(ApiToken(labeller_id=account.id, name=purpose, token_hash=_digest(token), created_at=now()))
    session.flush()
    return token


def account_without_login(session: Session) -> Account | None:
    """Return the one local user, until the first account is added."""
    row = session.connection().execute(_LOCAL).one_or_none()
    return Account(*row) if row else None


def account_of_login(session: Session, labeller_id: int, stamped: str) -> Account | None:
    """Return the account that logged in, if it is active and its password has not changed since."""
    row = session.connection().execute(_LOGGED_IN, {"labeller_id": labeller_id}).one_or_none()
    return Account(*row) if row and password_stamp(row.password_hash) == stamped else None


def account_of_token(session: Session, token: str) -> Account | None:
    """Return the active account of a token, or None."""
    row = session.connection().execute(_OF_TOKEN, {"token_hash": _digest(token)}).one_or_none()
    return Account(*row) if row else None


_CAN_LOG_IN = exists().where(Labeller.password_hash.is_not(None))
_ACCOUNT = select(Labeller.id, Labeller.name, Labeller.role, Labeller.password_hash, Labeller.qualified)
_LOCAL = _ACCOUNT.where(Labeller.name == LOCAL_LABELLER, ~_CAN_LOG_IN.correlate_except(Labeller))
_LOGGED_IN = _ACCOUNT.where(Labeller.id == bindparam("labeller_id"), Labeller.active)
_OF_TOKEN = _ACCOUNT.join(ApiToken, ApiToken.labeller_id == Labeller.id).where(
    ApiToken.token_hash == bindparam("token_hash"), ApiToken.revoked_at.is_(None), Labeller.active
)


def revoke_tokens(session: Session, name: str) -> int:
    """Revoke all tokens of an account and return how many there were."""
    account = find_account(session, name)
    open_tokens = (ApiToken.labeller_id == account.id) & ApiToken.revoked_at.is_(None)
    count = session.scalar(select(func.count()).select_from(ApiToken).where(open_tokens)) or 0
    session.execute(update(ApiToken).where(open_tokens).values(revoked_at=now()))
    return count


def open_tokens(session: Session) -> dict[int, list[ApiToken]]:
    """Read the tokens that are not revoked, by account, oldest first."""
    tokens: dict[int, list[ApiToken]] = {}
    for row in session.scalars(select(ApiToken).where(ApiToken.revoked_at.is_(None)).order_by(ApiToken.id)):
        tokens.setdefault(row.labeller_id, []).append(row)
    return tokens


def revoke_token(session: Session, number: int) -> None:
    """Revoke a token. If it is revoked already, nothing changes.

    Raises:
        NotFound: if there is no such token.
    """
    row = session.get(ApiToken, number)
    if row is None:
        raise NotFound("unknown_token", f"There is no token {number}.", do="Load the page again.")
    row.revoked_at = row.revoked_at or now()


def _check_role(role: str) -> str:
    if role not in list(Role):
        raise FacelabelError(
            "unknown_role", f"There is no role {role!r}.", do=f"Choose one of {', '.join(Role)}."
        )
    return role


def _hash(password: str) -> str:
    if len(password) < MIN_PASSWORD:
        raise FacelabelError(
            "weak_password",
            f"A password needs at least {MIN_PASSWORD} characters.",
            do="Choose a longer one.",
        )
    return _hasher.hash(password)


def _digest(token: str) -> str:
    # A token has 256 random bits, so a fast hash is enough; a slow one would delay every request.
    return hashlib.sha256(token.encode()).hexdigest()
