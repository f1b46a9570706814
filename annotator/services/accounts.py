"""Accounts: adding, changing and deleting them. There is no self-registration and no default password."""

from __future__ import annotations

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from annotator.database import Database
from annotator.domain.roles import LOCAL_LABELLER, Role
from annotator.errors import FacelabelError, NotFound
from annotator.models import ApiToken, Identity, Labeller, Lease, StoredStatistics, now
from annotator.services.access.account import Account, find_account, starts_qualified
from annotator.services.access.log import Event, record
from annotator.services.access.passwords import HashedPassword, hash_password, verify_password
from annotator.services.access.sessions import Device, begin_session, end_sessions
from annotator.services.access.tokens import revoke_tokens
from annotator.services.schema.open_values import clean_name


def has_accounts(session: Session) -> bool:
    """Whether anybody can log in. Until then the one local user needs no login."""
    return bool(session.scalar(select(_CAN_LOG_IN)))


def add_account(session: Session, name: str, role: str, password: str | HashedPassword) -> Labeller:
    """Add an account. A password that is hashed already does not hold up other writers.

    Raises:
        FacelabelError: if the name is taken or not allowed, there is no such role, or the password is too short or easy to guess.
    """
    _check_role(role)
    name = clean_name(name)
    _require_free(session, name)
    row = Labeller(name=name, role=role, password_hash=_hashed(password, name), active=True, created_at=now())
    row.qualified = starts_qualified(session, role)
    session.add(row)
    session.flush()
    return row


def set_password(session: Session, name: str, password: str | HashedPassword) -> None:
    """Give an account another password. This ends its sessions and tokens."""
    account = find_account(session, name)
    account.password_hash = _hashed(password, account.name)
    log_out_everywhere(session, account)


def set_active(session: Session, name: str, active: bool) -> None:
    """Let an account log in, or not; then its sessions and tokens end. Its answers stay."""
    account = find_account(session, name)
    account.active = active
    if not active:
        log_out_everywhere(session, account)


def log_out_everywhere(session: Session, account: Labeller) -> None:
    """End the sessions and tokens of an account."""
    end_sessions(session, account.id)
    revoke_tokens(session, account.name)


def _hashed(password: str | HashedPassword, name: str) -> str:
    return (password if isinstance(password, HashedPassword) else hash_password(password, name)).text


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
    password: str | HashedPassword | None = None,
) -> Labeller:
    """Change an account. Arguments that are None leave their setting as it is.

    Args:
        session: a writing session.
        number: the id of the account.
        name: the new name; the old one disappears from all pages and from what is exported from now on.
        role: the new role.
        active: whether it may log in.
        password: the new password; sessions and tokens end.

    Raises:
        NotFound: if there is no such account.
        FacelabelError: if the name is taken or not allowed, there is no such role, the password is too short or easy to
            guess, or no admin would be left.
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
    """Delete an account: its password, sessions, tokens and leases. Its answers stay, and nobody can log in as it again.

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
    end_sessions(session, number)
    session.execute(delete(ApiToken).where(ApiToken.labeller_id == number))
    session.execute(delete(Identity).where(Identity.labeller_id == number))
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


def check_password(session: Session, name: str, password: str) -> Labeller | None:
    """Return the active account with this name and password, or None.

    Raises:
        TooMany: if too many hashes are being computed.
    """
    row = session.scalar(select(Labeller).where(Labeller.name == name))
    check = verify_password(row.password_hash if row is not None else None, password)
    return row if row is not None and check.right and row.active else None


def log_in(database: Database, name: str, password: str, device: Device) -> tuple[Labeller, str] | None:
    """Check a password and begin a session.

    Returns:
        the account, and the secret token of its session; None if the name or the password is wrong.

    Raises:
        TooMany: if too many hashes are being computed.
        Unauthorized: if the account changed meanwhile.
    """
    with database.read() as session:
        row = session.scalar(select(Labeller).where(Labeller.name == name))
    check = verify_password(row.password_hash if row is not None else None, password)
    if row is None or not check.right or not row.active:
        return None
    with database.write() as session:
        token = begin_session(session, row, device)
        if check.renewed is not None:
            session.get_one(Labeller, row.id).password_hash = check.renewed
        record(session, row.id, device.address, Event.LOGIN, device.name)
    return row, token


def account_without_login(session: Session) -> Account | None:
    """Return the one local user, until the first account is added."""
    row = session.connection().execute(_LOCAL).one_or_none()
    return Account(*row) if row else None


_CAN_LOG_IN = exists().where(Labeller.password_hash.is_not(None))
_ACCOUNT = select(Labeller.id, Labeller.name, Labeller.role, Labeller.password_hash, Labeller.qualified)
_LOCAL = _ACCOUNT.where(Labeller.name == LOCAL_LABELLER, ~_CAN_LOG_IN.correlate_except(Labeller))


def _check_role(role: str) -> str:
    if role not in list(Role):
        raise FacelabelError(
            "unknown_role", f"There is no role {role!r}.", do=f"Choose one of {', '.join(Role)}."
        )
    return role
