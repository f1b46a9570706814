"""Sessions: the browsers that are logged in. A row each, so that they can be listed and ended."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from annotator.errors import NotFound, Unauthorized
from annotator.models import Labeller, LoginSession, now
from annotator.services.access.account import Account

IDLE_LIFETIME = timedelta(days=14)
"""A session that is not used for so long ends."""
LONGEST_LIFETIME = timedelta(days=90)
"""Even a session in use ends after so long."""


@dataclass(frozen=True)
class Device:
    """Where a login comes from: a name of the browser for people, and the network address."""

    name: str
    address: str


def begin_session(
    session: Session,
    account: Account | Labeller,
    device: Device,
    *,
    lifetime: timedelta = LONGEST_LIFETIME,
    id_token: str | None = None,
) -> str:
    """Begin a session and return its secret token, which only the browser keeps.

    Args:
        session: a writing session.
        account: who logged in, as it was when the password was checked.
        device: where the login comes from.
        lifetime: how long the session lasts at most.
        id_token: what an OpenID Connect provider signed.

    Raises:
        Unauthorized: if the account was disabled or got another password meanwhile.
    """
    row = session.get(Labeller, account.id)
    if row is None or not row.active or row.password_hash != account.password_hash:
        raise Unauthorized("wrong_login", "The account has changed meanwhile.", do="Log in again.")
    time = now()
    session.execute(
        delete(LoginSession).where(
            (LoginSession.expires_at < time) | (LoginSession.last_used_at < time - IDLE_LIFETIME)
        )
    )
    token = secrets.token_urlsafe(32)
    session.add(
        LoginSession(
            labeller_id=account.id,
            token_hash=digest(token),
            device=device.name,
            address=device.address,
            created_at=time,
            last_used_at=time,
            expires_at=time + lifetime,
            id_token=id_token,
        )
    )
    session.flush()
    return token


def account_of_session(session: Session, token: str) -> Account | None:
    """Return the active account of a session that has not ended, or None."""
    row = session.connection().execute(_OF_SESSION, {"token_hash": digest(token)}).one_or_none()
    if row is None:
        return None
    number, name, role, password_hash, qualified, session_id, last_used, expires = row
    time = now()
    if expires < time or last_used < time - IDLE_LIFETIME:
        return None
    return Account(
        number, name, role, password_hash, qualified, session_id=session_id, last_used_at=last_used
    )


_OF_SESSION = (
    select(
        Labeller.id, Labeller.name, Labeller.role, Labeller.password_hash, Labeller.qualified,
        LoginSession.id, LoginSession.last_used_at, LoginSession.expires_at,
    )
    .join(LoginSession, LoginSession.labeller_id == Labeller.id)
    .where(LoginSession.token_hash == bindparam("token_hash"), Labeller.active)
)  # fmt: skip


@dataclass(frozen=True)
class BrowserSession:
    """A session, without the secret."""

    id: int
    device: str
    address: str
    created_at: datetime
    last_used_at: datetime


def open_sessions(session: Session) -> dict[int, list[BrowserSession]]:
    """The sessions that have not ended, by account, last used first."""
    time = now()
    going_on = (LoginSession.expires_at >= time) & (LoginSession.last_used_at >= time - IDLE_LIFETIME)
    newest_first = (LoginSession.last_used_at.desc(), LoginSession.id.desc())
    sessions: dict[int, list[BrowserSession]] = {}
    for row in session.scalars(select(LoginSession).where(going_on).order_by(*newest_first)):
        entry = BrowserSession(row.id, row.device, row.address, row.created_at, row.last_used_at)
        sessions.setdefault(row.labeller_id, []).append(entry)
    return sessions


def end_session(session: Session, labeller_id: int, number: int) -> str | None:
    """End a session of an account and return what its provider signed, if anything.

    Raises:
        NotFound: if the account has no such session.
    """
    row = session.get(LoginSession, number)
    if row is None or row.labeller_id != labeller_id:
        raise NotFound("unknown_session", f"There is no session {number}.", do="Load the page again.")
    session.delete(row)
    return row.id_token


def end_sessions(session: Session, labeller_id: int, *, but: int | None = None) -> int:
    """End the sessions of an account, all or all but one, and return how many there were."""
    chosen = delete(LoginSession).where(LoginSession.labeller_id == labeller_id)
    if but is not None:
        chosen = chosen.where(LoginSession.id != but)
    result = session.execute(chosen)
    assert isinstance(result, CursorResult)
    return result.rowcount


def end_provider_sessions(session: Session, labeller_id: int) -> None:
    """End the sessions of an account that began through an OpenID Connect provider."""
    through_provider = LoginSession.id_token.is_not(None)
    session.execute(delete(LoginSession).where(LoginSession.labeller_id == labeller_id, through_provider))


def end_all_sessions(session: Session) -> None:
    """End all sessions of all accounts."""
    session.execute(delete(LoginSession))


def digest(token: str) -> str:
    """The hash under which a session or a token is stored.

    A token has 256 random bits, so a fast hash is enough; a slow one would delay every request.
    """
    return hashlib.sha256(token.encode()).hexdigest()
